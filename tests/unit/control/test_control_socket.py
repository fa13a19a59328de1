"""The server and the client of the control socket, over a real one."""

import asyncio
import os
import select
import socket
import stat
import struct
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from sylph_mp.control import client, server
from sylph_mp.control.event import Event
from sylph_mp.control.history import History
from sylph_mp.control.protocol import (
    Autoscale,
    DeniedError,
    Kill,
    Quiet,
    Recycle,
    Reload,
    Scale,
    Shown,
    Start,
    Stop,
    Stopped,
)
from sylph_mp.control.server import ControlServer
from sylph_mp.control.snapshot import snapshot
from sylph_mp.control.stacks import Stacks
from sylph_mp.control.target import Fleet, Slot, Topic
from sylph_mp.errors import NoAnswerError, NoMasterError, Problem, ResourceError, SylphError, UsageError
from sylph_mp.frames import encode
from sylph_mp.logs import Line, Log
from tests.unit.control.observed import observation, slot

LAST = Stopped("stopped in 2.0 s: 31 settled, 581 handed back, 0 left to their lease.", 0)


def problem_there(what, *, why="", fix=""):
    return Problem(place="config.toml:20:10", what=what, why=why, fix=fix)


def happened(number, event):
    line = Line(at=datetime(2026, 3, 14, tzinfo=UTC), level="info", who="master", event=event, text=event, fields={})
    return Event(number, line)


class FakeMaster:
    """Notes what it is told; a stop ends `serving`."""

    def __init__(self):
        self.told = []
        self.stopping = asyncio.Event()
        self.shown = snapshot(observation(slot(1)), History(), ())
        self.happened = [happened(1, "ready"), happened(2, "scale")]

    async def status(self):
        return self.shown

    def events(self, after):
        return tuple(event for event in self.happened if event.number > after)

    async def stacks(self, slot):
        if slot == 7:
            raise DeniedError("slot 7 is not in use", next="sylph status")
        return Stacks(at="2026-03-14T00:00:00Z", processes=())

    async def scale(self, wanted, by):
        if wanted > 4:
            raise DeniedError("4 is the most that config.toml:9 allows", next="sylph config show")
        return self._note("scale", wanted, by)

    async def autoscale(self, action, by):
        return self._note("autoscale", action, by)

    async def quiet(self, target, by):
        return self._note("quiet", target, by)

    async def start(self, target, by):
        return self._note("start", target, by)

    async def recycle(self, target):
        return self._note("recycle", target)

    async def kill(self, target):
        raise RuntimeError("a bug")

    async def stop(self):
        self.stopping.set()
        return "stopping: no new deliveries, 25 s to finish"

    async def reload(self):
        return self._note("reload")

    def _note(self, *what):
        self.told.append(what)
        return f"{what[0]} is done"


@contextmanager
def serving(path):
    """A master that listens on `path` until it is told to stop, on a thread whose loop is open until the end."""
    started, box = threading.Event(), {}

    async def serve():
        master = FakeMaster()
        control = ControlServer(path=str(path), problem=problem_there, commands=master, log=Log("master"))
        await control.start()
        left = asyncio.Event()
        box.update(master=master, loop=asyncio.get_running_loop(), left=left)
        started.set()
        await master.stopping.wait()
        await control.stop(LAST)
        await left.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(10)
    try:
        yield box["master"]
    finally:
        for event in (box["master"].stopping, box["left"]):
            box["loop"].call_soon_threadsafe(event.set)
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "sylph.sock"


def test_each_verb_reaches_the_master(path):
    with serving(path) as master:
        assert client.look(str(path)) == master.shown
        verbs = [
            (Scale(3, "root"), ("scale", 3, "root")),
            (Autoscale("hold", "root"), ("autoscale", "hold", "root")),
            (Quiet(Topic("orders"), "root"), ("quiet", Topic("orders"), "root")),
            (Start(Fleet(), "root"), ("start", Fleet(), "root")),
            (Recycle(Slot(2)), ("recycle", Slot(2))),
            (Reload(), ("reload",)),
        ]
        for verb, told in verbs:
            assert client.tell(str(path), verb) == f"{told[0]} is done"
        assert master.told == [told for _, told in verbs]


def test_what_the_master_denies_names_what_to_do(path):
    with serving(path), pytest.raises(UsageError) as denied:
        client.tell(str(path), Scale(9))
    assert str(denied.value) == "4 is the most that config.toml:9 allows"
    assert denied.value.problems[0].fix == "sylph config show"


def test_a_bug_met_by_a_verb_is_told_and_does_not_end_the_master(path):
    with serving(path):
        with pytest.raises(SylphError, match="RuntimeError: a bug") as failed:
            client.tell(str(path), Kill(Slot(1)))
        assert failed.value.exit_code == 70
        assert client.look(str(path)).verdict == "healthy"


def test_a_stop_is_waited_for_and_says_what_became(path, monkeypatch):
    monkeypatch.setattr(client._Connection, "wait_gone", lambda *_: None)  # the fake master is this process
    begun = []
    with serving(path):
        assert client.stop(str(path), told=begun.append) == LAST
    assert begun == ["stopping: no new deliveries, 25 s to finish"]
    assert not path.exists()


def test_events_are_looked_at_once(path):
    with serving(path) as master:
        assert list(client.events(str(path), follow=False)) == [tuple(master.happened)]


def test_who_follows_events_is_told_each_once_and_the_last_one_too(path, monkeypatch):
    monkeypatch.setattr(client, "FOLLOW_S", 0.01)
    with serving(path) as master:
        told = client.events(str(path), follow=True)
        assert [event.number for event in next(told)] == [1, 2]
        master.happened.append(happened(3, "quiet"))
        assert [event.number for event in next(told)] == [3]
        monkeypatch.setattr(client, "FOLLOW_S", 10)
        master.happened.append(happened(4, "stopped"))
        client.tell(str(path), Stop())
        assert [event.number for event in next(told)] == [4]
        with pytest.raises(NoMasterError, match="has ended"):
            next(told)


def test_stacks_are_shown_of_a_slot_that_is_there(path):
    with serving(path):
        assert client.stacks(str(path), slot=None).processes == ()
        with pytest.raises(UsageError, match="slot 7 is not in use") as denied:
            client.stacks(str(path), slot=7)
        assert denied.value.problems[0].fix == "sylph status"


def test_only_the_masters_user_may_connect(path):
    with serving(path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_second_master_is_refused_and_the_first_keeps_its_socket(path):
    with serving(path):
        with pytest.raises(ResourceError) as refused:
            asyncio.run(listen_once(path))
        assert str(refused.value) == f"master {os.getpid()} listens on {path}"
        assert refused.value.problems[0].place == "config.toml:20:10"
        assert client.look(str(path)).verdict == "healthy"


def test_the_socket_of_a_killed_master_is_taken_over(path):
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with serving(path):
        assert client.look(str(path)).verdict == "healthy"


def test_a_file_that_is_no_socket_is_left_alone(path):
    path.write_text("precious")
    with pytest.raises(ResourceError, match="is no socket"):
        asyncio.run(listen_once(path))
    assert path.read_text() == "precious"


def test_a_socket_that_cannot_be_made(tmp_path):
    with pytest.raises(ResourceError, match="there is no folder"):
        asyncio.run(listen_once(tmp_path / "absent" / "sylph.sock"))
    with pytest.raises(ResourceError, match="too long"):
        asyncio.run(listen_once(tmp_path / ("x" * 120)))


async def listen_once(path):
    control = ControlServer(path=str(path), problem=problem_there, commands=FakeMaster(), log=Log("master"))
    await control.start()
    await control.stop()


@pytest.mark.parametrize("rubbish", [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<I", 3) + b"abc", b"\x05\x00"])
def test_rubbish_is_hung_up_on(path, rubbish):
    with serving(path), socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(10)
        stranger.connect(str(path))
        stranger.sendall(rubbish)
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(100) == b""
        assert client.look(str(path)).verdict == "healthy"


def test_more_clients_than_are_served_are_turned_away(path, monkeypatch):
    monkeypatch.setattr(server, "MAX_CLIENTS", 2)
    with serving(path):
        idle = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for waiting in idle:
            waiting.connect(str(path))
        with pytest.raises(NoAnswerError, match="hung up without an answer"):
            client.look(str(path))
        for waiting in idle:
            waiting.close()
        while True:  # until the master has seen that they left
            try:
                client.look(str(path))
                break
            except NoAnswerError:
                continue


def test_a_client_that_does_not_read_is_dropped(path, monkeypatch):
    monkeypatch.setattr(server, "SEND_S", 0.05)
    request = b"\x81\xa4type\xadStatusRequest"
    with serving(path) as master, socket.socket(socket.AF_UNIX) as lazy:
        master.shown = snapshot(observation(*(slot(number) for number in range(1, 2000))), History(), ())
        lazy.settimeout(10)
        lazy.connect(str(path))
        lazy.sendall(struct.pack("<I", len(request)) + request)
        hung_up = select.poll()
        hung_up.register(lazy, 0)
        assert hung_up.poll(10_000)
        got = 0
        while part := lazy.recv(1 << 20):
            got += len(part)
        assert 0 < got < len(encode(Shown(master.shown)))
        master.shown = snapshot(observation(slot(1)), History(), ())
        assert client.look(str(path)) == master.shown


def test_no_master(path):
    with pytest.raises(NoMasterError) as missing:
        client.look(str(path))
    assert str(missing.value) == (
        "no master: nothing listens on sylph.sock here; other place: --socket PATH\nnext: sylph run"
    )
    with pytest.raises(NoMasterError, match=r"nothing listens on /elsewhere/sylph.sock; other place"):
        client.look("/elsewhere/sylph.sock")


def test_a_master_that_does_not_answer(path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(NoAnswerError) as unknown:
            client.look(str(path), limit_s=0.05)
    assert str(unknown.value).splitlines() == [
        f"unknown: master {os.getpid()} holds sylph.sock but did not answer within 0 s",
        f"next: kill -USR1 {os.getpid()}      # it writes its stacks to its log",
    ]


def test_a_master_of_another_version(path):
    answer = b"\x82\xa4type\xa5Shown\xa8snapshot\x81\xa6schema\xaesylph.status/2"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        threading.Thread(target=answer_once, args=(other, struct.pack("<I", len(answer)) + answer)).start()
        with pytest.raises(NoAnswerError, match="speaks another version"):
            client.look(str(path))


def answer_once(listener, answer):
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        connection.sendall(answer)
