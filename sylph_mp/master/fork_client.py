"""The master's end of the forkserver: starts it, asks it for processes, and learns how they ended.

Runs on the master's loop thread. A process outlives the forkserver that forked it: its end is then seen by its pidfd.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections import deque

from sylph_mp.errors import SylphError
from sylph_mp.master import fork_protocol
from sylph_mp.master.fork_protocol import Ended, Fork, Forked, Loaded, NotForked

#: A fork takes some milliseconds; a forkserver that takes longer than this is stopped or broken.
ANSWER_S = 10.0
#: The forkserver's word on how a process ended follows its end at once, unless the forkserver is about to die too.
WORD_S = 0.5


class ForkError(SylphError):
    """There is no new process: the forkserver is gone or the host refuses one. Trying again may help."""


class Process:
    """A forked process, as the kernel knows it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        """Its exit code, negative for a signal; None where nobody could tell."""
        try:
            self.pidfd: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self.pidfd = None  # it has ended and was reaped; the forkserver's word is on its way

    def signal(self, number: signal.Signals) -> None:
        """Nothing happens when it has ended: a pidfd never means another process."""
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def end(self, exit_code: int | None) -> None:
        if not self.ended.done():
            self.ended.set_result(exit_code)
        if self.pidfd is not None:
            asyncio.get_running_loop().remove_reader(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = None


class ForkClient:
    """One forkserver process. When it is `lost` a new client is due; the old one goes on seeing its processes end."""

    def __init__(self, server: "subprocess.Popen[bytes]", sock: socket.socket) -> None:
        self._server = server
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._loaded: asyncio.Future[float] = self._loop.create_future()
        self._asked: deque[asyncio.Future[Process]] = deque()
        self._processes: dict[int, Process] = {}
        self.lost = asyncio.Event()
        self._loop.add_reader(sock.fileno(), self._hear)

    @classmethod
    def launch(cls, entry: str) -> "ForkClient":
        """Start one; `entry` is the `module:function` that a forked process runs. To be called on the loop."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            server = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-P", "-m", "sylph_mp.master.forkserver", str(theirs.fileno()), entry],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the master, who then drains
            )
        return cls(server, ours)

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def is_loaded(self) -> bool:
        return self._loaded.done() and not self.lost.is_set()

    async def loaded(self, within_s: float) -> float:
        """Wait until its modules are imported; returns the seconds that took. Raises ForkError."""
        async with asyncio.timeout(within_s):
            return await asyncio.shield(self._loaded)

    async def fork(self, slot: int, pipe: socket.socket) -> Process:
        """A new process that has `pipe` as its end of the pipe. Raises ForkError."""
        answer: asyncio.Future[Process] = self._loop.create_future()
        try:
            socket.send_fds(self._socket, [fork_protocol.encode(Fork(slot))], [pipe.fileno()])
        except OSError as error:
            raise ForkError(f"the forkserver takes no request: {error.strerror}") from error
        self._asked.append(answer)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as error:
            self._server.kill()
            raise ForkError(f"the forkserver did not answer within {ANSWER_S:.0f} s") from error

    def close(self) -> None:
        """End it. Its processes go on; they end by their own pipes."""
        self._lose()

    def _hear(self) -> None:
        try:
            data = self._socket.recv(fork_protocol.MAX_DATAGRAM)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            self._take(fork_protocol.ANSWERS.decode(data))
        else:
            self._lose()

    def _take(self, answer: fork_protocol.Answer) -> None:
        match answer:
            case Loaded(took_s=took_s):
                self._loaded.set_result(took_s)
            case Forked(pid=pid):
                process = self._watch(pid)
                asked = self._asked.popleft()
                if asked.done():
                    process.signal(signal.SIGKILL)  # whoever asked has given up waiting
                else:
                    asked.set_result(process)
            case NotForked(reason=reason):
                _fail(self._asked.popleft(), f"the forkserver cannot fork: {reason}")
            case Ended(pid=pid, exit_code=exit_code):
                self._end(self._processes[pid], exit_code)

    def _watch(self, pid: int) -> Process:
        process = self._processes[pid] = Process(pid)
        if process.pidfd is not None:
            self._loop.add_reader(process.pidfd, self._see_end, process)
        return process

    def _see_end(self, process: Process) -> None:
        assert process.pidfd is not None
        self._loop.remove_reader(process.pidfd)
        self._loop.call_later(0 if self.lost.is_set() else WORD_S, self._end, process, None)

    def _end(self, process: Process, exit_code: int | None) -> None:
        process.end(exit_code)
        self._processes.pop(process.pid, None)

    def _lose(self) -> None:
        if self.lost.is_set():
            return
        self.lost.set()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._server.kill()  # it has nothing to clean up; the wait below is then as good as none
        self._server.wait()
        reason = f"the forkserver ended (exit {self._server.returncode})"
        _fail(self._loaded, reason)
        for asked in self._asked:
            _fail(asked, reason)
        self._asked.clear()
        for process in list(self._processes.values()):
            if process.pidfd is None:
                self._end(process, None)


def _fail(future: "asyncio.Future[Process] | asyncio.Future[float]", reason: str) -> None:
    if not future.done():
        future.set_exception(ForkError(reason))
        future.exception()  # nobody may be waiting for it, and that is no fault
