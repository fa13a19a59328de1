"""A start that cannot be is one screen: where, what, why, what mends it; with its exit code, and nothing left behind.

Where the world is at fault and not the files, see test_bad_hosts.py; a broker that is only away is waited for:
test_broker_away_at_start.py.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec import Struct

from sylph_mp.devbroker.in_thread import BrokerThread
from sylph_mp.errors import ConfigError
from tests.scenarios.shop import GROUP, NO_CHANGE, TOPIC, Change, assert_told, open_shop
from tests.scenarios.terminal import NOTHING, Terminal
from tests.scenarios.traces import traces


class Bad(Struct, frozen=True, kw_only=True):
    """One mistake, and what is to be read about it."""

    name: str
    config: Change = NO_CHANGE
    app: Change = NO_CHANGE
    place: str
    """What the screen's first error begins with."""
    says: tuple[str, ...]
    environ: Mapping[str, str] = NOTHING


CASES = (
    Bad(
        name="unknown key",
        config=("threads = 2", "thread = 2"),
        place="config.toml:9:1: error: unknown key consumers.thread",
        says=("   9 | thread = 2\n     | ^^^^^^ nearest: threads", "why: an unknown key would", "fix: threads = 2"),
    ),
    Bad(
        name="unknown table",
        config=("[topics.orders]", "[topic.orders]"),
        place="config.toml:12:",
        says=("unknown table topic", "nearest: topics", "fix: [topics.orders]"),
    ),
    Bad(
        name="bad type",
        config=("threads = 2", 'threads = "eight"'),
        place='config.toml:9:11: error: consumers.threads: a whole number is due, not "eight"',
        says=("fix: threads = 8", "(1 to 256, default 8)"),
    ),
    Bad(
        name="out of bounds",
        config=("shards = 1", "shards = 0"),
        place="config.toml:13:10: error: topics.orders.shards: 0 is not within 1 to",
        says=("fix: shards = ",),
    ),
    Bad(
        name="bad size",
        config=("1 MiB", "1 Mb"),
        place='config.toml:10:10: error: consumers.buffer: "1 Mb" is no size',
        says=('fix: buffer = "16 MiB"', "(B, KiB, MiB, GiB)"),
    ),
    Bad(
        name="bad variable",
        environ={"SYLPH_CONSUMERS_BUFFER": "16 Mb"},
        place='SYLPH_CONSUMERS_BUFFER: error: "16 Mb" is no size',
        says=("why: the environment wins over config.toml:10", 'fix: SYLPH_CONSUMERS_BUFFER="16 MiB"'),
    ),
    Bad(
        name="min above max",
        config=("{ min = 1, max = 2 }", "{ min = 6, max = 4 }"),
        place="config.toml:8:13: error: consumers.processes: min 6 is above max 4",
        says=("fix: processes = { min = 4, max = 6 }",),
    ),
    Bad(
        name="syntax error",
        config=('buffer = "1 MiB"', "buffer = 1 MiB"),
        place="config.toml:10:12: error: no TOML:",
        says=("  10 | buffer = 1 MiB\n     |            ^\n", "fix: text stands in quotes"),
    ),
    Bad(
        name="no topic",
        config=("[topics.orders]\nshards = 1", ""),
        place="config.toml: error: no topic",
        says=("why: there would be nothing to consume", "fix: [topics.orders]"),
    ),
    Bad(
        name="endpoint malformed",
        config=('"ENDPOINT"', '"http://127.0.0.1:8081"'),
        place='config.toml:4:13: error: instances.default.endpoints: "http://127.0.0.1:8081" is no host:port',
        says=('fix: endpoints = "127.0.0.1:8081"',),
    ),
    Bad(
        name="TLS CA file missing",
        config=('"ENDPOINT"', '"ENDPOINT"\ntls = true\nca_file = "ca.pem"'),
        place="config.toml:6:11: error: instances.default.ca_file: ",
        says=("ca.pem is not there", "why: ", "fix: "),
    ),
    Bad(
        name="certificate without key",
        config=('"ENDPOINT"', '"ENDPOINT"\ntls = true\ncert_file = "app.py"'),
        place="config.toml:6:13: error: instances.default: cert_file needs key_file",
        says=("why: ", 'fix: key_file = "FILE.pem"'),
    ),
    Bad(
        name="half of the credentials",
        environ={"SYLPH_INSTANCES_DEFAULT_ACCESS_KEY": "shop"},
        place="SYLPH_INSTANCES_DEFAULT_ACCESS_KEY: error: ",
        says=("its secret key is missing", "why: ", "fix: set SYLPH_INSTANCES_DEFAULT_SECRET_KEY too"),
    ),
    Bad(
        name="secret in the file",
        config=('"ENDPOINT"', '"ENDPOINT"\nsecret_key = "12345678"'),
        place="config.toml:5:1: error: instances.default.secret_key is not read from a file",
        says=("why: files are copied", "set SYLPH_INSTANCES_DEFAULT_SECRET_KEY"),
    ),
    Bad(
        name="socket path too long",
        config=("[topics.orders]", f'[control]\nsocket = "{"s" * 110}"\n\n[topics.orders]'),
        place="config.toml:13:10: error: control.socket: its path has ",
        says=("107 are possible", "why: ", "fix: socket = "),
    ),
    Bad(
        name="no such module",
        config=("app:app", "ap:app"),
        place="config.toml:1:7: error: app ap:app cannot be loaded: there is no module ap",
        says=('   1 | app = "ap:app"\n     |       ^^^^^^^^ nearest: app', "why: looked in ", 'fix: app = "app:app"'),
    ),
    Bad(
        name="no such attribute",
        config=("app:app", "app:aps"),
        place="config.toml:1:7: error: app app:aps cannot be loaded: module app has no aps",
        says=("nearest: app", 'fix: app = "app:app"'),
    ),
    Bad(
        name="no App",
        config=("app:app", "app:charge"),
        place="config.toml:1:7: error: app app:charge cannot be loaded: module app has charge, but",
        says=("it is a function, no App", 'fix: app = "app:app"'),
    ),
    Bad(
        name="app that does not import",
        app=("from sylph_mp import App", "import ledger\nfrom sylph_mp import App"),
        place="app.py:1: error: app app:app cannot be loaded",
        says=("   1 | import ledger", "why: ModuleNotFoundError: No module named 'ledger'", "fix: install it where"),
    ),
    Bad(
        name="app with a syntax error",
        app=("def charge(body: bytes) -> None:", "def charge(body: bytes) -> None"),
        place="app.py:7:32: error: app app:app cannot be loaded",
        says=(f"   7 | def charge(body: bytes) -> None\n     | {'^':>32}\n", "why: SyntaxError: expected ':'", "fix: "),
    ),
    Bad(
        name="app that exits",
        app=("app = App()", "app = App()\nraise SystemExit(3)"),
        place="app.py:4: error: app app:app cannot be loaded",
        says=("   4 | raise SystemExit(3)", "why: SystemExit: 3", "fix: "),
    ),
    Bad(
        name="handler that takes nothing",
        app=("charge(body: bytes)", "charge()"),
        place="app.py:7:5: error: handler charge takes 0 parameters",
        says=("   7 | def charge() -> None:\n     |     ^^^^^^", "fix: def charge(body: bytes)"),
    ),
    Bad(
        name="handler for a topic not in the configuration",
        app=('"orders"', '"order"'),
        place='app.py:6:14: error: handler charge: topic "order" is not in config',
        says=(
            '   6 | @app.handler("order")\n     |              ^^^^^^^ nearest: "orders" (config.toml:12)',
            'fix: @app.handler("orders"), or add [topics.order] to config.toml',
        ),
    ),
    Bad(
        name="topic without a handler",
        config=("[topics.orders]", "[topics.refunds]\n\n[topics.orders]"),
        place='config.toml:12:9: error: topic "refunds" has no handler',
        says=("why: app:app handles orders", 'fix: @app.handler("refunds") above a function, or remove'),
    ),
    Bad(
        name="start hook that fails",
        app=("app = App()", "app = App()\n\n\n@app.on_start\ndef connect():\n    raise OSError('no ledger')"),
        place="app.py:8: error: start hook connect of app:app failed",
        says=("   8 |     raise OSError('no ledger')", "why: OSError: no ledger", "fix: mend what it needs"),
    ),
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A broker that has what the good configuration names."""
    broker = BrokerThread()
    broker.start()
    broker.create_topic(TOPIC)
    broker.create_group(GROUP)
    yield broker.endpoint
    broker.stop()


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_bad_start(bad: Bad, folder: Path, endpoint: str) -> None:
    socket = open_shop(folder, endpoint=endpoint, config=bad.config, app=bad.app)
    with Terminal(folder, "run", environ=bad.environ) as terminal:
        assert terminal.end() == ConfigError.exit_code, terminal.screen
    assert_told(terminal.screen, bad.place, *bad.says)
    assert traces(folder, socket) == []


def test_missing_file(folder: Path) -> None:
    with Terminal(folder, "run") as terminal:
        assert terminal.end() == ConfigError.exit_code
    assert_told(terminal.screen, "config.toml: error: there is no such file", "why: looked for ", "fix: go to")
    assert traces(folder, str(folder / "sylph.sock")) == []
