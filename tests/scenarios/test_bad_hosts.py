"""What a host or a broker refuses a start is one screen as well, with its own exit code, and nothing left behind."""

import socket
from pathlib import Path

import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from sylph_mp.errors import BrokerRefusedError, ResourceError
from tests.brokers.embedded import EmbeddedBroker
from tests.brokers.real import RealBroker
from tests.scenarios.shop import assert_told, open_shop, rename
from tests.scenarios.terminal import Terminal
from tests.scenarios.traces import processes_of, traces


def test_unknown_topic(broker: RealBroker | EmbeddedBroker, folder: Path) -> None:
    topic = broker.missing()
    path = open_shop(folder, endpoint=broker.endpoint)
    rename(folder, topic=topic, group=broker.group())
    assert_refused(
        folder,
        path,
        BrokerRefusedError.exit_code,
        f'config.toml:12:9: error: broker {broker.endpoint} has no topic "{topic}"',
        f"  12 | [topics.{topic}]\n     |         {'^' * len(topic)}\n",
        "why: the broker makes no topics by itself for this protocol",
        f"fix: mqadmin updateTopic -n NAMESRV:9876 -c CLUSTER -t {topic}",
    )


def test_unknown_group(broker: RealBroker | EmbeddedBroker, folder: Path) -> None:
    group = broker.missing()
    path = open_shop(folder, endpoint=broker.endpoint)
    rename(folder, topic=broker.topic(), group=group)
    assert_refused(
        folder,
        path,
        BrokerRefusedError.exit_code,
        f"config.toml:7:9: error: broker {broker.endpoint} has no consumer group",
        f'   7 | group = "{group}"\n     |         ^^',
        f"fix: mqadmin updateSubGroup -n NAMESRV:9876 -c CLUSTER -g {group}",
    )


@pytest.mark.parametrize(("code", "text"), [(d.UNAUTHORIZED, "check signature failed"), (d.FORBIDDEN, "no permission")])
def test_wrong_credentials(embedded: EmbeddedBroker, folder: Path, code: int, text: str) -> None:
    topic, group = embedded.topic(), embedded.group()
    path = open_shop(folder, endpoint=embedded.endpoint)
    rename(folder, topic=topic, group=group)
    embedded.faults.fail("QueryRoute", code, text, times=10)
    try:
        assert_refused(
            folder,
            path,
            BrokerRefusedError.exit_code,
            f'config.toml:12:9: error: broker {embedded.endpoint} refuses topic "{topic}"',
            f"{code}: {text}",
            "why: no credentials are set",
            "fix: SYLPH_INSTANCES_DEFAULT_ACCESS_KEY and _SECRET_KEY of somebody who may subscribe",
        )
    finally:
        embedded.faults.clear()


def test_shared_memory_too_small(folder: Path) -> None:
    # Nobody's /dev/shm holds 1 TiB, and that is known before anything is taken.
    path = open_shop(folder, endpoint="127.0.0.1:1", config=('buffer = "1 MiB"', 'buffer = "4 GiB"'))
    grow(folder, slots=256)
    assert_refused(
        folder,
        path,
        ResourceError.exit_code,
        "/dev/shm: error: ",
        "256 slots need 1,024.6 GiB of shared memory, ",
        "why: reserved at start, so that it cannot run out later and kill consumers",
        "fix: docker run --shm-size=",
        "(config.toml:10:10)",
    )


def test_http_port_in_use(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        path = open_shop(
            folder, endpoint="127.0.0.1:1", config=("[topics", f'[control]\nhttp = "127.0.0.1:{port}"\n\n[topics')
        )
        assert_refused(
            folder,
            path,
            ResourceError.exit_code,
            f"config.toml:13:8: error: control.http: 127.0.0.1:{port} is in use by another process",
            f'  13 | http = "127.0.0.1:{port}"\n     |        ^^^^^^',
            "why: ",
            "fix: ",
        )


def test_socket_of_a_live_master(embedded: EmbeddedBroker, folder: Path) -> None:
    topic, group = embedded.topic(), embedded.group()
    path = open_shop(folder, endpoint=embedded.endpoint)
    rename(folder, topic=topic, group=group)
    with Terminal(folder, "run") as first:
        first.until("ready in")
        of_first = {process.pid for process in processes_of(folder)}
        with Terminal(folder, "run") as second:
            assert second.end() == ResourceError.exit_code
            assert_told(
                second.screen,
                f"sylph.sock: error: master {first.process.pid} listens on {path}",
                "why: two masters on one socket would hide each other",
                "fix: sylph stop",
            )
            assert {process.pid for process in processes_of(folder)} == of_first


def test_a_file_in_the_sockets_place(folder: Path) -> None:
    path = open_shop(folder, endpoint="127.0.0.1:1")
    Path(path).write_text("precious")
    with Terminal(folder, "run") as terminal:
        assert terminal.end() == ResourceError.exit_code
    assert_told(terminal.screen, "sylph.sock: error: ", "is there and is no socket", "why: ", f"fix: rm {path}")
    assert Path(path).read_text() == "precious"


def test_no_folder_for_the_socket(folder: Path) -> None:
    open_shop(folder, endpoint="127.0.0.1:1", config=("[topics", '[control]\nsocket = "run/s.sock"\n\n[topics'))
    assert_refused(
        folder,
        str(folder / "run/s.sock"),
        ResourceError.exit_code,
        "config.toml:13:10: error: there is no folder ",
        '  13 | socket = "run/s.sock"\n     |          ^^^^^^^^^^^^',
        f"fix: mkdir -p {folder}/run",
    )


def test_state_folder_that_is_a_file(folder: Path) -> None:
    path = open_shop(folder, endpoint="127.0.0.1:1", config=("[topics", '[control]\nstate = "app.py"\n\n[topics'))
    assert_refused(
        folder,
        path,
        ResourceError.exit_code,
        "config.toml:13:9: error: the state folder cannot be used: File exists",
        '  13 | state = "app.py"\n     |         ^^^^^^^^',
        "why: crash reports and quarantine are kept in ",
        "fix: ",
    )


def test_an_embedded_broker_does_not_outlive_a_start_that_fails(folder: Path) -> None:
    path = open_shop(folder, endpoint="embedded", app=('"orders"', '"order"'))
    assert_refused(folder, path, 78, 'app.py:6:14: error: handler charge: topic "order" is not in config', "fix: ")


def grow(folder: Path, *, slots: int) -> None:
    file = folder / "config.toml"
    file.write_text(file.read_text().replace("max = 2", f"max = {slots}"))


def assert_refused(folder: Path, path: str, exit_code: int, place: str, *says: str) -> None:
    with Terminal(folder, "run") as terminal:
        assert terminal.end() == exit_code, terminal.screen
    assert_told(terminal.screen, place, *says)
    assert traces(folder, path) == []
