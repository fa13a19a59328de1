import asyncio
import json
import socket

import aiohttp
import msgspec
import pytest

from sylph_mp.control.history import History
from sylph_mp.control.http_server import HttpServer, is_loopback, split_address
from sylph_mp.control.snapshot import snapshot
from sylph_mp.errors import Problem, ResourceError
from sylph_mp.logs import Log
from tests.unit.control.observed import observation, slot


def problem_there(what, *, why="", fix=""):
    return Problem(place="config.toml:21:8", what=what, why=why, fix=fix)


class NotedLog(Log):
    def __init__(self):
        super().__init__("master")
        self.warnings = []

    def warn(self, event, text, /, **fields):
        self.warnings.append(text)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(paths, *, state="running"):
    """(status, body) of each path, from a master in that state."""
    shown = snapshot(observation(slot(1), state=state), History(), ())

    async def look():
        return shown

    async def ask():
        address = f"127.0.0.1:{free_port()}"
        http = HttpServer(address=address, problem=problem_there, look=look, log=Log("master"))
        await http.start()
        async with aiohttp.ClientSession() as session:
            answers = []
            for path in paths:
                async with session.get(f"http://{address}{path}") as response:
                    answers.append((response.status, await response.read()))
        await http.stop()
        return answers, shown

    return asyncio.run(ask())


def test_the_same_object_as_the_command_has():
    [(status, body)], shown = get(["/status.json"])
    assert status == 200
    assert msgspec.json.decode(body, type=type(shown)) == shown
    assert json.loads(body)["schema"] == "sylph.status/1"


@pytest.mark.parametrize(("state", "ready"), [("starting", 503), ("running", 200), ("stopping", 503)])
def test_alive_is_not_ready(state, ready):
    answers, _ = get(["/health/live", "/health/ready", "/"], state=state)
    assert [status for status, _ in answers] == [200, ready, 404]


def test_a_port_in_use_names_the_key():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        http = HttpServer(address=address, problem=problem_there, look=None, log=Log("master"))
        with pytest.raises(ResourceError) as refused:
            asyncio.run(http.start())
    (problem,) = refused.value.problems
    assert problem.place == "config.toml:21:8"
    assert problem.what == f"control.http: {address} is in use by another process"


def test_an_address_that_others_reach_is_warned_of():
    async def listen(log):
        http = HttpServer(address=f"0.0.0.0:{free_port()}", problem=problem_there, look=None, log=log)
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
