import asyncio
import json
import socket

import msgspec
import pytest

from sylph_mp.control.history import History
from sylph_mp.control.http_server import HttpServer, is_loopback, split_address
from sylph_mp.control.snapshot import snapshot
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import ResourceError
from sylph_mp.logs import Log
from tests.brokers.ports import free_port
from tests.unit.control.observed import observation, slot
from tests.unit.control.serving import Served, problem_there


class NotedLog(Log):
    def __init__(self):
        super().__init__("master")
        self.warnings = []

    def warn(self, event, text, /, **fields):
        self.warnings.append(text)


async def nothing_to_close():
    pass


def bare_server(address, *, log):
    return HttpServer(address=address, problem=problem_there, routes={}, close=nothing_to_close, log=log)


def get(served, *paths):
    """(status, headers, body) of each path."""

    async def ask():
        answers = []
        async with served.open() as session:
            for path in paths:
                async with session.get(path) as response:
                    answers.append((response.status, response.headers, await response.read()))
        return answers

    return asyncio.run(ask())


def in_state(state):
    return Served(shown=snapshot(observation(slot(1), state=state), History(), ()))


def test_the_same_object_as_the_command_has():
    served = Served()
    [(status, _, body)] = get(served, "/status.json")
    assert status == 200
    assert msgspec.json.decode(body, type=Snapshot) == served.shown
    assert json.loads(body)["schema"] == "sylph.status/1"


@pytest.mark.parametrize(
    ("state", "startup", "ready"), [("starting", 503, 503), ("running", 200, 200), ("stopping", 200, 503)]
)
def test_started_ready_and_alive_are_three_things(state, startup, ready):
    answers = get(in_state(state), "/health/startup", "/health/ready", "/health/live")
    assert [status for status, _, _ in answers] == [startup, ready, 200]
    bodies = [json.loads(body) for _, _, body in answers]
    assert [body["ok"] for body in bodies] == [startup == 200, ready == 200, True]
    assert [body["probe"] for body in bodies] == ["startup", "ready", "live"]
    assert [body["state"] for body in bodies] == [state, state, None]


def test_alive_looks_at_nothing():
    served = Served()
    get(served, "/health/live")
    assert served.looks == 0


def test_every_answer_forbids_what_others_wrote_to_act():
    answers = get(Served(), "/", "/page.js", "/status.json", "/metrics", "/health/live", "/strange")
    for _, headers, _ in answers[:-1]:
        assert headers["Content-Security-Policy"].startswith("default-src 'none';")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    assert answers[-1][0] == 404


def test_nothing_can_be_changed():
    async def ask():
        async with Served().open() as session:
            answers = []
            for method in ("POST", "PUT", "DELETE"):
                for path in ("/", "/status.json", "/events"):
                    async with session.request(method, path) as response:
                        answers.append(response.status)
            return answers

    assert set(asyncio.run(ask())) == {405}


def test_a_port_in_use_names_the_key():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ResourceError) as refused:
            asyncio.run(bare_server(address, log=Log("master")).start())
    (problem,) = refused.value.problems
    assert problem.place == "config.toml:21:8"
    assert problem.what == f"control.http: {address} is in use by another process"


def test_an_address_that_others_reach_is_warned_of():
    async def listen(log):
        http = bare_server(f"0.0.0.0:{free_port()}", log=log)
        await http.start()
        await http.stop()

    log = NotedLog()
    asyncio.run(listen(log))
    assert "has no login" in log.warnings[0]


def test_addresses():
    assert split_address("[::1]:9464") == ("::1", 9464)
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "10.0.0.1", "web-17")] == [
        True, True, True, False, False,
    ]  # fmt: skip
