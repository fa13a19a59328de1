"""From file, environment and command line to one Config, and whole screens of what can be wrong."""

from pathlib import Path

import msgspec
import pytest

from sylph_mp.cli.problems import render, render_error
from sylph_mp.config.file import problem_at
from sylph_mp.config.load import load
from sylph_mp.config.schema import EMBEDDED, Config, Range, RetryPolicy
from sylph_mp.errors import ConfigError

GOOD = """\
app = "workers.orders:app"

[instances.default]
endpoints = "127.0.0.1:8081;127.0.0.1:8082"

[consumers]
group = "orders-service"
processes = { min = 2, max = 4 }
threads = 8
buffer = "16 MiB"
lease_s = 60
retry = { first_s = 2 }

[topics.orders]
shards = 4

[topics.order-receipts]
group = "receipts"
retry = { max_s = 60 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(text: str, environ: dict[str, str] | None = None, overrides: dict[str, str] | None = None) -> Config:
    Path("config.toml").write_text(text)
    return load("config.toml", environ=environ or {}, overrides=overrides or {}, cores=lambda: 6)


def screen(text: str, environ: dict[str, str] | None = None, overrides: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(text, environ, overrides)
    return render_error(caught.value)


def words(text: str) -> str:
    """Without line ends, which depend on the length of a path."""
    return " ".join(text.split())


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


class TestValues:
    def test_the_file(self, folder: Path) -> None:
        config = loaded(GOOD)
        assert config.path == str(folder / "config.toml")
        assert config.app == "workers.orders:app"
        assert config.instances["default"].endpoints == ("127.0.0.1:8081", "127.0.0.1:8082")
        assert config.consumers.processes == Range(2, 4)
        assert config.consumers.threads == Range(8, 8)
        assert config.consumers.buffer == 16 << 20
        assert config.control.socket == str(folder / "sylph.sock")
        assert config.control.state == str(folder / "sylph.state")
        assert config.warnings == ()

    def test_topics_inherit_key_by_key(self, folder: Path) -> None:
        topics = loaded(GOOD).topics
        assert list(topics) == ["orders", "order-receipts"]
        assert (topics["orders"].group, topics["order-receipts"].group) == ("orders-service", "receipts")
        assert topics["orders"].lease_s == topics["order-receipts"].lease_s == 60.0
        assert topics["orders"].retry == RetryPolicy(first_s=2.0)
        assert topics["order-receipts"].retry == RetryPolicy(first_s=2.0, max_s=60.0)

    def test_strikes_and_quarantine_are_inherited_as_well(self, folder: Path) -> None:
        topics = loaded(changed("threads = 8", 'threads = 8\nstrikes = 3\nquarantine = "ack"')).topics
        assert {(topic.strikes, topic.quarantine) for topic in topics.values()} == {(3, "ack")}
        own = loaded(GOOD, {"SYLPH_TOPICS_ORDERS_QUARANTINE": "ack"}).topics
        assert [(topic.strikes, topic.quarantine) for topic in own.values()] == [(2, "ack"), (2, "dead-letter")]

    def test_places(self, folder: Path) -> None:
        places = loaded(GOOD, {"SYLPH_CONSUMERS_THREADS": "4"}, {"topics.orders.shards": "8"}).places
        assert places["topics.orders"] == "config.toml:14:9"
        assert places["consumers.processes"].startswith("config.toml:8:")
        assert places["topics.orders.lease_s"] == "config.toml:11:11"
        assert places["consumers.threads"] == "SYLPH_CONSUMERS_THREADS"
        assert places["topics.orders.shards"] == "--set topics.orders.shards"
        assert "consumers.drain_s" not in places

    def test_environment_wins_over_file_and_command_line_over_both(self, folder: Path) -> None:
        environ = {"SYLPH_CONSUMERS_THREADS": "4", "SYLPH_CONSUMERS_BUFFER": "1 GiB", "SYLPH_CONTROL_HTTP": "[::1]:80"}
        config = loaded(GOOD, environ, {"consumers.threads": "5"})
        assert config.consumers.threads == Range(5, 5)
        assert config.consumers.buffer == 1 << 30
        assert config.control.http == "[::1]:80"

    def test_names_with_other_characters_in_the_environment(self, folder: Path) -> None:
        assert loaded(GOOD, {"SYLPH_TOPICS_ORDER_RECEIPTS_SHARDS": "3"}).topics["order-receipts"].shards == 3

    def test_secrets_come_from_the_environment(self, folder: Path) -> None:
        environ = {"SYLPH_INSTANCES_DEFAULT_ACCESS_KEY": "me", "SYLPH_INSTANCES_DEFAULT_SECRET_KEY": "hush"}
        instance = loaded(GOOD, environ).instances["default"]
        assert (instance.access_key, instance.secret_key) == ("me", "hush")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("0", Range(6, 6)),
            ("3", Range(3, 3)),
            ("{ min = 2, max = 0 }", Range(2, 6)),
            ("{ min = 8, max = 0 }", Range(8, 8)),
            ("{ max = 2 }", Range(1, 2)),
        ],
    )
    def test_processes(self, folder: Path, text: str, expected: Range) -> None:
        assert loaded(changed("{ min = 2, max = 4 }", text)).consumers.processes == expected

    def test_a_part_of_a_table_from_the_environment(self, folder: Path) -> None:
        environ = {"SYLPH_CONSUMERS_PROCESSES_MAX": "8", "SYLPH_CONSUMERS_RETRY": "{ factor = 3 }"}
        consumers = loaded(GOOD, environ).consumers
        assert consumers.processes == Range(2, 8)
        assert consumers.retry == RetryPolicy(first_s=2.0, factor=3.0)

    def test_the_embedded_broker(self, folder: Path) -> None:
        text = changed("127.0.0.1:8081;127.0.0.1:8082", "embedded")
        assert loaded(text).instances["default"].endpoints == (EMBEDDED,)


class TestScreens:
    def test_metrics_pages(self, folder: Path) -> None:
        assert loaded(GOOD).instances["default"].metrics == ()
        pages = 'metrics = "http://127.0.0.1:1/metrics; https://localhost/m?x=1"'
        told = loaded(changed("[consumers]", f"{pages}\n[consumers]")).instances["default"].metrics
        assert told == ("http://127.0.0.1:1/metrics", "https://localhost/m?x=1")

    def test_an_unknown_key(self, folder: Path) -> None:
        assert screen(changed("threads = 8", "thread = 8")) == (
            "config.toml:9:1: error: unknown key consumers.thread\n"
            "   9 | thread = 8\n"
            "     | ^^^^^^ nearest: threads\n"
            "  why: an unknown key would leave the default in force without a word\n"
            "  fix: threads = 8\n"
            "\n"
            "1 error in config.toml; nothing was started"
        )

    def test_a_range_the_wrong_way_round(self, folder: Path) -> None:
        assert screen(changed("min = 2", "min = 6")).startswith(
            "config.toml:8:13: error: consumers.processes: min 6 is above max 4\n"
            "  fix: processes = { min = 4, max = 6 }\n\n"
        )

    def test_a_value_of_another_kind(self, folder: Path) -> None:
        assert screen(changed("threads = 8", 'threads = "eight"')).startswith(
            'config.toml:9:11: error: consumers.threads: a whole number is due, not "eight"\n'
            "  fix: threads = 8                            (1 to 256, default 8)\n\n"
        )

    def test_an_environment_variable(self, folder: Path) -> None:
        assert screen(GOOD, {"SYLPH_CONSUMERS_BUFFER": "16 Mb"}).startswith(
            'SYLPH_CONSUMERS_BUFFER: error: "16 Mb" is no size\n'
            "  why: the environment wins over config.toml:10, which is valid\n"
            '  fix: SYLPH_CONSUMERS_BUFFER="16 MiB"        (B, KiB, MiB, GiB)\n\n'
        )

    def test_an_option(self, folder: Path) -> None:
        assert screen(GOOD, {}, {"consumers.lease_s": "3"}).startswith(
            "--set consumers.lease_s: error: 3 is not within 10 to 43200\n"
            "  why: the command line wins over config.toml:11, which is valid\n"
            "  fix: --set consumers.lease_s=30             (10 to 43200, default 30)\n\n"
        )

    def test_an_option_that_sets_no_key(self, folder: Path) -> None:
        assert "fix: --set consumers.threads=…" in screen(GOOD, {}, {"consumers.thread": "3"})

    def test_no_file(self, folder: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load("config.toml", environ={}, overrides={})
        text = render_error(caught.value)
        assert text.startswith("config.toml: error: there is no such file\n  why: looked for ")
        assert "fix: go to the folder it is in, or name it: --config FILE" in text

    def test_no_toml(self, folder: Path) -> None:
        text = screen(changed("shards = 4", "shards = = 4"))
        assert text.startswith(
            "config.toml:15:10: error: no TOML: Invalid value\n  15 | shards = = 4\n     |          ^\n  fix: text "
        )

    def test_where_it_is_not_sure_there_is_no_line(self, folder: Path) -> None:
        text = screen(changed("threads = 8", '"thre\\u0061d" = 8'))
        assert text.startswith("config.toml: error: unknown key consumers.thread\n  why: ")
        assert "fix: write threads in its place" in text

    def test_an_instance_that_is_not_there(self, folder: Path) -> None:
        assert screen(changed("shards = 4", 'instance = "defualt"')).startswith(
            'config.toml:15:12: error: topics.orders: there is no instance "defualt"\n'
            '  15 | instance = "defualt"\n'
            "     |            ^^^^^^^^^ nearest: default\n"
            '  fix: instance = "default", or add [instances.defualt]\n\n'
        )

    def test_no_group(self, folder: Path) -> None:
        assert screen(changed('group = "orders-service"\n', "")).startswith(
            "config.toml:13:9: error: topics.orders: no consumer group\n"
            "  13 | [topics.orders]\n"
            "     |         ^^^^^^\n"
            "  why: the broker remembers for a group what it has consumed\n"
            '  fix: group = "orders-service" here, or in [consumers] for all topics\n\n'
        )

    def test_all_problems_of_a_file_come_together_sorted_by_line(self, folder: Path) -> None:
        text = screen('app = "x"\n[consumers]\nlease_s = 1\nthread = 2\n[topic.orders]\n')
        places = [block.split(": ")[0] for block in text.split("\n\n")]
        assert places[:5] == [
            "config.toml",
            "config.toml:1:7",
            "config.toml:3:11",
            "config.toml:4:1",
            "config.toml:5:2",
        ]
        assert places[5] == "5 errors in config.toml; nothing was started"

    def test_a_problem_that_follows_from_another_is_not_told(self, folder: Path) -> None:
        assert "1 error in" in screen(changed('group = "orders-service"', 'gruop = "orders-service"'))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('app = "workers.orders:app"', "", "error: app is missing"),
        ('app = "workers.orders:app"', 'app = "workers/orders.py"', '"workers/orders.py" is no module:attribute'),
        ("127.0.0.1:8081;127.0.0.1:8082", "127.0.0.1", '"127.0.0.1" is no host:port'),
        ("127.0.0.1:8081;127.0.0.1:8082", "127.0.0.1:80810", '"127.0.0.1:80810" is no host:port'),
        ('endpoints = "127.0.0.1:8081;127.0.0.1:8082"', "", "instances.default: endpoints are missing"),
        ('group = "orders-service"', 'group = "orders service"', '"orders service" is no group name'),
        ('group = "orders-service"', f'group = "{"g" * 121}"', "at most 120 characters, not 121"),
        ("threads = 8", "threads = 0", "consumers.threads: 0 is not within 1 to 256"),
        ("threads = 8", "threads = true", "a whole number is due, not true"),
        ("threads = 8", "threads = { min = 1, mx = 2 }", "unknown key consumers.threads.mx"),
        ("threads = 8", "in_flight = 16", "consumers.in_flight: 16 is not within 32 to 65536"),
        ("threads = 8", "drain_s = nan", "consumers.drain_s: a number is due"),
        ("16 MiB", "16 KiB", '"16 KiB" is not within 1 MiB to 4 GiB'),
        ("shards = 4", "shards = 257", "topics.orders.shards: 257 is not within 1 to 256"),
        ("shards = 4", 'filter = "a"\nfilter_sql = "b = 1"', "filter and filter_sql exclude each other"),
        ("shards = 4", "drain_s = 4", "fix: move it to [consumers]"),
        ("shards = 4", "retry = 5", "topics.orders.retry: a table is due, not 5"),
        ("retry = { max_s = 60 }", "retry = { max_s = 1 }", "first_s 2 is above max_s 1"),
        ("shards = 4", "strikes = 0", "topics.orders.strikes: 0 is not within 1 to 10"),
        ("shards = 4", 'quarantine = "drop"', '"dead-letter" or "ack" is due, not "drop"'),
        ("shards = 4", "quarantine = 1", '"dead-letter" or "ack" is due, not 1'),
        ("[topics.orders]", "[control]\nstate = ''\n[topics.orders]", '"" is no folder name'),
        ("[topics.orders]", '[topics."a b"]', '"a b" is no topic name'),
        ("[topics.orders]", f"[control]\nsocket = '{'s' * 120}'\n[topics.orders]", "107 are possible"),
        ("[topics.orders]", "[control]\nhttp = '9464'\n[topics.orders]", '"9464" is no host:port'),
        ("[consumers]", "metrics = '127.0.0.1:5557'\n[consumers]", '"127.0.0.1:5557" is no URL such as'),
        ("[consumers]", "tls = true\nca_file = 'ca.pem'\n[consumers]", "ca.pem is not there"),
        ("[consumers]", "tls = true\ncert_file = 'config.toml'\n[consumers]", "cert_file needs key_file"),
    ],
)
def test_refused(folder: Path, old: str, new: str, said: str) -> None:
    text = words(screen(changed(old, new)))
    assert said in text
    assert text.endswith(" 1 error in config.toml; nothing was started")


@pytest.mark.parametrize(
    "line", ['secret_key = "hush"', 'secret_kee = "hush"', 'access_key = ["hush"]', 'passwd = "hush"']
)
def test_what_may_be_secret_is_never_printed(folder: Path, line: str) -> None:
    text = screen(changed("[consumers]", f"{line}\n[consumers]"))
    assert "hush" not in text
    assert "config.toml:6:1: error" in text


def test_secrets_are_refused_on_the_command_line_and_in_half(folder: Path) -> None:
    environ = {"SYLPH_INSTANCES_DEFAULT_ACCESS_KEY": "who"}
    text = words(screen(GOOD, environ, {"instances.default.secret_key": "hush"}))
    assert "a secret is not read from the command line" in text
    assert "hush" not in text
    assert "ACCESS_KEY: error: its secret key is missing" in screen(GOOD, environ)


def test_too_many_polls_for_one_connection(folder: Path) -> None:
    topics = "".join(f"[topics.t{number}]\nshards = 250\n" for number in range(4))
    assert "have 1,004 shards, 999 are possible" in words(screen(GOOD + topics))


def test_a_port_without_login_that_others_can_reach_is_a_warning(folder: Path) -> None:
    (warning,) = loaded(GOOD + '[control]\nhttp = "0.0.0.0:9464"\n').warnings
    assert render(warning).startswith("config.toml:21:8: warning: control.http: 0.0.0.0 can be reached")


def test_a_variable_of_somebody_else_is_a_warning(folder: Path) -> None:
    (warning,) = loaded(GOOD, {"SYLPH_CONTROL_PORT": "tcp://10.0.0.1:80", "SYLPH_HOME": "/x"}).warnings
    assert render(warning).startswith("SYLPH_CONTROL_PORT: warning: this variable sets no key")


class TestProblemAt:
    def test_it_quotes_the_line(self, folder: Path) -> None:
        problem = problem_at(loaded(GOOD), "topics.orders", 'broker has no topic "orders"', fix="make it")
        assert render(problem) == (
            'config.toml:14:9: error: broker has no topic "orders"\n'
            "  14 | [topics.orders]\n"
            "     |         ^^^^^^\n"
            "  fix: make it"
        )

    def test_a_default_is_blamed_on_its_table(self, folder: Path) -> None:
        assert problem_at(loaded(GOOD), "topics.orders.filter", "x").place == "config.toml:14:9"

    def test_an_inherited_value_where_it_is_set(self, folder: Path) -> None:
        problem = problem_at(loaded(GOOD), "topics.orders.group", "x")
        assert (problem.place, problem.source) == ("config.toml:7:9", 'group = "orders-service"')

    def test_a_variable_has_no_line(self, folder: Path) -> None:
        problem = problem_at(loaded(GOOD, {"SYLPH_CONSUMERS_THREADS": "4"}), "consumers.threads", "x")
        assert (problem.place, problem.source) == ("SYLPH_CONSUMERS_THREADS", None)

    def test_a_file_that_has_changed_since_is_not_quoted(self, folder: Path) -> None:
        config = loaded(GOOD)
        Path("config.toml").write_text("\n\n" + GOOD)
        problem = problem_at(config, "topics.orders", "x")
        assert (problem.place, problem.source) == ("config.toml:14:9", None)


def test_a_config_can_be_sent_to_another_process(folder: Path) -> None:
    config = loaded(GOOD)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=Config) == config
