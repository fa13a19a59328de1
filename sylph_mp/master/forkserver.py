"""Forks the consumers: a process without threads, loop or connections that has their modules loaded already.

Runs as its own single-threaded process, exec'ed by the master: `python -m sylph_mp.master.forkserver FD ENTRY`. It
ends with its master; the consumers notice by their own pipes and drain.
"""

import contextlib
import gc
import importlib
import logging
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

import msgspec
from setproctitle import setproctitle

from sylph_mp.errors import SylphError
from sylph_mp.master import fork_protocol
from sylph_mp.master.fork_protocol import Ended, Forked, Loaded, NotForked
from sylph_mp.pipe import Spawn

Entry = Callable[[Spawn, socket.socket], int]
"""Runs a consumer to its end; returns the exit code."""

#: A service manager signals its whole group; this process ends with its master and not before.
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class ForkServer:
    def __init__(self, master: socket.socket, entry: Entry) -> None:
        self._master = master
        self._entry = entry
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to the wakeup socket

    def serve(self) -> None:
        """Until the master is gone."""
        while True:
            readable, _, _ = select.select([self._master, self._woken], [], [])
            if self._woken in readable:
                self._woken.recv(4096)
                self._reap()
            if self._master in readable and not self._answer():
                return

    def _answer(self) -> bool:
        """Carry out one request; False when the master is gone."""
        flags = socket.MSG_CMSG_CLOEXEC
        data, fds, _, _ = socket.recv_fds(self._master, fork_protocol.MAX_DATAGRAM, 1, flags=flags)
        if not data:
            return False
        request = fork_protocol.REQUESTS.decode(data)
        pipe = socket.socket(fileno=fds[0])
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(NotForked(reason=error.strerror or str(error)))
        else:
            if pid == 0:
                self._become_consumer(request.slot, pipe)
            self._tell(Forked(pid=pid))
        pipe.close()
        return True

    def _become_consumer(self, slot: int, pipe: socket.socket) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for number in (*IGNORED, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for inherited in (self._master, self._woken, self._waker):
            inherited.close()
        os.setpgid(0, 0)  # what a handler starts belongs to its consumer
        setproctitle(f"sylph: consumer {slot} [starting]")
        run_to_the_end(self._entry, pipe)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                self._tell(Ended(pid=pid, exit_code=os.waitstatus_to_exitcode(status)))

    def _tell(self, answer: fork_protocol.Answer) -> None:
        with contextlib.suppress(ConnectionError):  # the master is gone: the next read says so
            self._master.send(fork_protocol.encode(answer))


def run_to_the_end(entry: Entry, pipe: socket.socket) -> NoReturn:
    """The whole life of a forked child. It never returns into the forkserver's frames, whatever is raised."""
    code = SylphError.exit_code
    try:
        spawn = receive_spawn(pipe)
        code = entry(spawn, pipe) if spawn else 0
    except BaseException:  # noqa: BLE001 - the traceback is the last word of this process
        traceback.print_exc()
    finally:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def receive_spawn(pipe: socket.socket) -> Spawn | None:
    """The first frame (`sylph_mp.frames`), and not a byte of the next; None when the master is gone already."""
    length = int.from_bytes(_receive_exactly(pipe, 4), "little")
    body = _receive_exactly(pipe, length)
    return msgspec.msgpack.decode(body, type=Spawn) if body else None


def _receive_exactly(pipe: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = pipe.recv(size - len(data))
        if not part:
            return b""
        data += part
    return data


def load(path: str) -> Entry:
    """`module:function`, imported with all that it needs."""
    module, _, name = path.partition(":")
    entry: Entry = getattr(importlib.import_module(module), name)
    return entry


def main(fd: int, entry_path: str) -> None:
    began = time.monotonic()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    setproctitle("sylph: forkserver")
    master = socket.socket(fileno=fd)
    entry = load(entry_path)
    gc.collect()
    gc.freeze()  # the collector leaves these pages alone, so that the children go on sharing them
    server = ForkServer(master, entry)
    master.send(fork_protocol.encode(Loaded(took_s=time.monotonic() - began)))
    server.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
