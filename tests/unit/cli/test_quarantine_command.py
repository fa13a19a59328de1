"""What `sylph quarantine` prints and does, from the files alone; the broker of `release` is made up."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from sylph_mp.cli import instances, quarantine, release
from sylph_mp.cli.screens.quarantine import body_lines, message_screen, quarantine_table
from sylph_mp.cli.screens.view import View
from sylph_mp.clock import SystemClock
from sylph_mp.control.status import InstanceStatus
from sylph_mp.errors import TransportError
from sylph_mp.master.quarantine import Quarantine, Quarantined
from sylph_mp.master.recording import LogLine
from sylph_mp.master.strikes import Strikes
from tests.unit.cli.snapshots import healthy

NOW = datetime(2026, 3, 14, 14, 6, 19, tzinfo=UTC).timestamp()
FIRST = "01D2C4A70000000000000000000000A7F3"
SECOND = "01D2C4B10000000000000000000000B001"
CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "127.0.0.1:8081"
[consumers]
group = "orders-service"
[topics.receipts]
"""


def quarantined(message_id: str = FIRST, **fields: object) -> Quarantined:
    message = Quarantined(
        id=message_id,
        topic="receipts",
        instance="default",
        group="orders-service",
        handler="render",
        tag="pdf",
        keys=("o-17", "eu"),
        properties={"tenant": "blue", "tries": "1"},
        attempts=2,
        born_at=NOW - 400,
        stored_at=NOW - 399.5,
        strikes=2,
        limit=2,
        since_wall=NOW - 362,
        crashes=(41, 42),
        exits=("SIGSEGV (exit -11)", "SIGKILL"),
        stack="/srv/orders/workers/receipts.py:88 in render",
        log_lines=(LogLine(at_wall=NOW - 362.5, level="info", text="12000x9000"),),
        body=b'{"logo": 1}',
        size=int(3.1 * (1 << 20)),
        sha256="5" * 64,
    )
    return replace(message, **fields)


def table(*messages: Quarantined, width: int | None = 80) -> str:
    return "\n".join(quarantine_table(messages, View(width=width), now=NOW))


def test_the_list_of_one() -> None:
    assert table(quarantined()) == (
        "1 message in quarantine; its topic goes on without it\n"
        "MESSAGE    TOPIC     HANDLER  STRIKES  SINCE  SIZE    CRASHES\n"
        "01D2…A7F3  receipts  render       2/2   6m2s  3.1MiB  41,42"
    )


def test_the_list_of_several_shortens_no_id_to_that_of_another() -> None:
    alike = FIRST[:8] + "5" + FIRST[9:]
    assert table(quarantined(), quarantined(alike, topic="refunds", crashes=()), quarantined(SECOND, size=0)) == (
        "3 messages in quarantine; their topics go on without them\n"
        "MESSAGE                             TOPIC     HANDLER  STRIKES  SINCE  SIZE\n"
        f"{FIRST}  receipts  render       2/2   6m2s  3.1MiB\n"
        f"{alike}  refunds   render       2/2   6m2s  3.1MiB\n"
        "01D2…B001                           receipts  render       2/2   6m2s  0B"
    )
    assert f"{SECOND}  receipts" in table(quarantined(), quarantined(SECOND), width=None)


def test_tracebacks_in_the_log_do_not_hide_the_message() -> None:
    failed = LogLine(at_wall=NOW - 362.5, level="error", text=f"outcome: {'x' * 80}\nTraceback\n  File")
    lines = message_screen(quarantined(log_lines=(failed,) * 20), View(width=80), now=NOW, folder="/", zone=UTC)
    logged = [line for line in lines if "ERROR" in line]
    assert (len(logged), len(logged[0]), logged[0][-1]) == (20, 80, "…")
    assert not any("Traceback" in line for line in lines)


def test_the_screen_of_a_message() -> None:
    lines = message_screen(quarantined(message_group="o-17"), View(width=80), now=NOW, folder="/srv/orders", zone=UTC)
    assert "\n".join(lines) == (
        f"{FIRST}: 2 of 2 strikes, in quarantine for 6m2s\n"
        "topic          receipts, group orders-service, instance default\n"
        "handler        render\n"
        "tag            pdf\n"
        "keys           o-17 eu\n"
        "message group  o-17\n"
        "properties     tenant=blue\n"
        "               tries=1\n"
        "attempts       2\n"
        "sent           2026-03-14T13:59:39.000Z\n"
        "stored         2026-03-14T13:59:39.500Z\n"
        "crashes        41: SIGSEGV (exit -11)\n"
        "               42: SIGKILL\n"
        "stack (faulthandler)\n"
        "  workers/receipts.py:88 in render\n"
        "last log lines\n"
        "  14:00:16.500 INFO  12000x9000\n"
        "body           3.1 MiB\n"
        f"sha256         {'5' * 64}"
    )


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", [""]),
        ("zwölf\nEulen\x1b[2J".encode(), ["zwölf", "Eulen [2J"]),
        (b"a" * 300, ["a" * 256, "... 44 bytes more (--out FILE)"]),
        (b"a" * 255 + "ö".encode() * 9, ["a" * 255, "... 17 bytes more (--out FILE)"]),
        (bytes(range(240, 258 - 2)) + b"\xff", [bytes(range(240, 256)).hex(" "), "ff"]),
    ],
)
def test_a_body_is_text_if_it_can_be(body: bytes, lines: list[str]) -> None:
    assert body_lines(body) == lines


@pytest.fixture(autouse=True)
def _config(tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG)


@pytest.fixture
def store(tmp_path):
    kept = Quarantine(tmp_path / "sylph.state", SystemClock())
    kept.put(quarantined(FIRST))
    kept.put(quarantined(SECOND, body=b"\xff\x00", since_wall=NOW))
    return kept


def test_an_empty_quarantine(sylph) -> None:
    assert sylph("quarantine", "ls") == (0, "quarantine is empty\n", "")
    assert json.loads(sylph("quarantine", "ls", "--json")[1]) == {"schema": "sylph.quarantine/1", "messages": []}
    assert sylph("quarantine", "show", "01D2") == (
        64,
        "",
        "sylph: error: no message 01D2: quarantine is empty\n",
    )


def test_ls_ends_with_what_to_type(sylph, store) -> None:
    assert sylph("quarantine", "ls", "--config", "config.toml")[1].endswith(
        f"next: sylph quarantine show {FIRST} --config config.toml\n"
    )


def test_show_tells_the_body_only_if_asked(sylph, store, tmp_path: Path) -> None:
    code, out, _ = sylph("quarantine", "show", "01D2…A7F3")
    assert code == 0
    assert "logo" not in out
    assert out.endswith(
        f"\n\nnext: sylph quarantine release {FIRST}  sends it to receipts again\n"
        f"      sylph quarantine drop {FIRST}     removes it for good\n"
    )
    assert '\n\n{"logo": 1}\n\nnext: ' in sylph("quarantine", "show", "01D2C4A", "--body")[1]
    assert "\n\nff 00\n\nnext: " in sylph("quarantine", "show", SECOND, "--body")[1]
    assert sylph("quarantine", "show", SECOND, "--out", "body.bin")[0] == 0
    assert (tmp_path / "body.bin").read_bytes() == b"\xff\x00"
    assert sylph("quarantine", "show", SECOND, "--out", "no/body.bin")[0] == 64


def test_json_of_a_message(sylph, store) -> None:
    shown = json.loads(sylph("quarantine", "show", SECOND, "--json")[1])
    assert (shown["schema"], shown["id"], shown["size_bytes"]) == ("sylph.quarantine-message/1", SECOND, 2)
    assert shown["log_lines"] == [{"at": "2026-03-14T14:00:16.500Z", "level": "info", "text": "12000x9000"}]
    assert (shown["since"], shown["exits"]) == ("2026-03-14T14:06:19.000Z", ["SIGSEGV (exit -11)", "SIGKILL"])
    assert "body" not in shown
    with_body = json.loads(sylph("quarantine", "show", SECOND, "--json", "--body")[1])
    assert base64.b64decode(with_body.pop("body")) == b"\xff\x00"
    assert with_body == shown
    listed = json.loads(sylph("quarantine", "ls", "--json")[1])["messages"]
    assert [message["id"] for message in listed] == [FIRST, SECOND]


def test_an_unknown_id_is_wrong_usage_and_names_the_nearest(sylph, store) -> None:
    for verb in (["show"], ["release"], ["drop", "--yes"]):
        code, out, error = sylph("quarantine", *verb, "01D2C5A7")
        assert (code, out) == (64, "")
        assert error == f"sylph: error: no message 01D2C5A7 in quarantine; nearest:\n  {FIRST}\n"
    assert len(store.list()) == 2


def test_drop_asks_unless_told(sylph, store, monkeypatch) -> None:
    Strikes(Path("sylph.state").absolute()).add(FIRST, NOW)
    assert sylph("quarantine", "drop", FIRST)[0] == 64, "nobody is there to be asked"
    monkeypatch.setattr(quarantine, "_is_asked", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, err: False)
    assert sylph("quarantine", "drop", FIRST) == (0, "", "")
    assert len(store.list()) == 2

    assert sylph("quarantine", "drop", FIRST, "01D2…B001", FIRST, "--yes") == (
        0,
        f"dropped {FIRST} of receipts\ndropped {SECOND} of receipts\n",
        "",
    )
    assert store.list() == []
    assert Strikes(Path("sylph.state").absolute()).all() == {}


class MadeUpBroker:
    """Stores what it is sent; the one whose key is `bad` it does not."""

    def __init__(self) -> None:
        self.stored = []
        self.instances = []

    def resender(self, instance, *, clock):
        self.instances.append(instance)
        return self

    async def send(self, message):
        if "bad" in message.keys:
            raise TransportError("connection refused")
        self.stored.append(message)
        return f"NEW{len(self.stored)}"

    def close(self):
        pass


@pytest.fixture
def broker(monkeypatch):
    made_up = MadeUpBroker()
    monkeypatch.setattr(release, "Resender", made_up.resender)
    return made_up


def test_release_sends_the_message_as_it_was_and_forgets_it(sylph, store, broker) -> None:
    strikes = Strikes(Path("sylph.state").absolute())
    strikes.add(FIRST, NOW)

    assert sylph("quarantine", "release", "01D2C4A") == (0, f"released {FIRST}: receipts has it as NEW1\n", "")

    [sent] = broker.stored
    assert (sent.topic, sent.body, sent.tag, sent.keys) == ("receipts", b'{"logo": 1}', "pdf", ("o-17", "eu"))
    assert sent.properties == {"tenant": "blue", "tries": "1", "sylph-quarantine-id": FIRST}
    assert [label.id for label in store.list()] == [SECOND]
    assert strikes.all() == {}


def test_what_the_broker_has_not_stored_stays(sylph, store, broker) -> None:
    store.put(quarantined("02", keys=("bad",)))

    code, out, error = sylph("quarantine", "release", FIRST, "02", SECOND)

    assert (code, out) == (69, f"released {FIRST}: receipts has it as NEW1\n")
    assert error == (
        "sylph: error: 02 stays in quarantine: broker 127.0.0.1:8081 has not stored it:\n  connection refused\n"
    )
    assert {label.id for label in store.list()} == {SECOND, "02"}


def test_release_as_json(sylph, store, broker) -> None:
    code, out, _ = sylph("quarantine", "release", FIRST, "--json")
    assert code == 0
    assert json.loads(out) == {
        "schema": "sylph.quarantine-released/1",
        "released": [{"id": FIRST, "topic": "receipts", "sent_as": "NEW1"}],
    }


def test_an_instance_that_is_configured_no_more_is_said(sylph, store, broker) -> None:
    store.put(quarantined("02", instance="old"))
    code, _, error = sylph("quarantine", "release", "02")
    assert code == 64
    assert "02 came from instance old, which" in error


def test_an_embedded_broker_is_found_through_its_master(sylph, store, broker, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.replace("127.0.0.1:8081", "embedded"))
    assert sylph("quarantine", "release", FIRST)[0] == 2, "no master, no embedded broker"
    fleet = replace(
        healthy(),
        instances=(
            InstanceStatus(
                name="default", endpoint="127.0.0.1:40123", state="running", since=None, tries=None, error=None
            ),
        ),
    )
    monkeypatch.setattr(instances, "look", lambda path: fleet)

    assert sylph("quarantine", "release", FIRST)[0] == 0
    assert broker.instances[-1].endpoints == ("127.0.0.1:40123",)
