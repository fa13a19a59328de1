"""The command's side of the control socket: asks the master one thing and waits for the answer.

Synchronous, on the command's only thread; imports little, because `sylph status` should answer at once.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Self

import msgspec

from sylph_mp.control.event import Event
from sylph_mp.control.peer import peer_pid
from sylph_mp.control.protocol import (
    RESPONSES,
    Denied,
    Done,
    Events,
    EventsRequest,
    Failed,
    Request,
    Response,
    Shown,
    StacksRequest,
    StacksShown,
    StatusRequest,
    Stop,
    Stopped,
    Verb,
)
from sylph_mp.control.stacks import Stacks
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import NoAnswerError, NoMasterError, Problem, SylphError, UsageError

#: A master that does not show its state in this time is in trouble.
LOOK_S = 2.0
#: A verb may have to load a configuration first.
VERB_S = 15.0
#: How long a master that has said its last word may take to be gone.
GONE_S = 10.0

#: How late an event may be shown to who follows them.
FOLLOW_S = 0.5

#: As drawn in `sylph_mp.frames`, whose stream needs a running loop.
_HEAD = struct.Struct("<I")


def look(path: str, *, limit_s: float = LOOK_S) -> Snapshot:
    """The state of the fleet. Raises NoMasterError, NoAnswerError."""
    with _Connection(path, limit_s) as master:
        response = master.ask(StatusRequest())
        if isinstance(response, Failed):
            raise NoAnswerError(f"unknown: {response.text}\nnext: kill -USR1 {master.pid}")
        if not isinstance(response, Shown):
            raise master.strange(f"answered a look with {type(response).__name__}")
        return response.snapshot


def events(path: str, *, follow: bool, limit_s: float = LOOK_S) -> Iterator[tuple[Event, ...]]:
    """What happened so far, the oldest first; with `follow` what happens then as well, until the master ends.

    Raises NoMasterError, as at its end, and NoAnswerError.
    """
    last = 0
    with _Connection(path, limit_s) as master:
        while True:
            response = master.ask(EventsRequest(last))
            if not isinstance(response, Events):
                raise master.strange(f"answered a look with {type(response).__name__}")
            yield response.events
            if not follow:
                return
            last = response.events[-1].number if response.events else last
            if master.speaks_within(FOLLOW_S):
                farewell = master.farewell()
                if isinstance(farewell, Events):
                    yield farewell.events
                raise NoMasterError(f"no master: master {master.pid} has ended\nnext: sylph run")


def stacks(path: str, *, slot: int | None, limit_s: float = VERB_S) -> Stacks:
    """What all threads do, of the consumer in a slot or of all.

    Raises NoMasterError, NoAnswerError, UsageError if there is no such consumer, SylphError if the master fails at it.
    """
    with _Connection(path, limit_s) as master:
        response = master.ask(StacksRequest(slot))
        if not isinstance(response, StacksShown):
            raise _refusal(response) or master.strange(f"answered a look with {type(response).__name__}")
        return response.stacks


def tell(path: str, verb: Verb, *, limit_s: float = VERB_S) -> str:
    """Have it done; returns the master's sentence.

    Raises NoMasterError, NoAnswerError, UsageError if the master denies it, SylphError if it fails at it.
    """
    with _Connection(path, limit_s) as master:
        return _sentence(master, verb)


def stop(path: str, *, told: Callable[[str], None], limit_s: float = VERB_S) -> Stopped:
    """Ask for a clean stop and wait until the master is gone, however long it drains.

    `told` gets the sentence that the stop has begun with. Raises as `tell`.
    """
    with _Connection(path, limit_s) as master:
        told(_sentence(master, Stop()))
        last = master.last_word()
        master.wait_gone(GONE_S)
        return last


def _sentence(master: "_Connection", verb: Verb) -> str:
    response = master.ask(verb)
    if not isinstance(response, Done):
        raise _refusal(response) or master.strange(f"answered {type(verb).__name__} with {type(response).__name__}")
    return response.text


def _refusal(response: Response) -> SylphError | None:
    if isinstance(response, Denied):
        return UsageError(response.text, problems=(Problem(place="sylph", what=response.text, fix=response.next),))
    return SylphError(response.text) if isinstance(response, Failed) else None


class _Connection:
    """One connection to the master; every wait in it ends `limit_s` after it was asked, the last word's apart."""

    def __init__(self, path: str, limit_s: float) -> None:
        self._path = path
        self._limit_s = limit_s
        self._ends_at = time.monotonic() + limit_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._process: int | None = None
        self.pid: int | None = None

    def __enter__(self) -> Self:
        self._socket.settimeout(self._limit_s)
        try:
            self._socket.connect(self._path)
        except (TimeoutError, BlockingIOError) as error:  # the latter: more wait to be accepted than it lets wait
            self._socket.close()
            raise self._silent() from error
        except OSError as error:
            self._socket.close()
            raise NoMasterError(_no_master(self._path, error)) from error
        self.pid = peer_pid(self._socket)
        self._process = _open_process(self.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        if self._process is not None:
            os.close(self._process)

    def ask(self, request: Request) -> Response:
        self._ends_at = time.monotonic() + self._limit_s
        body = msgspec.msgpack.encode(request)
        try:
            self._socket.sendall(_HEAD.pack(len(body)) + body)
            response = self._receive()
        except TimeoutError as error:
            raise self._silent() from error
        except ConnectionError as error:
            raise self.strange("hung up without an answer") from error
        if response is None:
            raise self.strange("hung up without an answer")
        return response

    def last_word(self) -> Stopped:
        """What the master says when the fleet has ended; waits without a limit."""
        self._ends_at = float("inf")
        response = self.farewell()
        if isinstance(response, Stopped):
            return response
        return Stopped(f"master {self.pid} is gone, and did not say what became of its deliveries", exit_code=1)

    def speaks_within(self, limit_s: float) -> bool:
        """Whether the master says a last word or hangs up in that time."""
        spoken = select.poll()
        spoken.register(self._socket, select.POLLIN)
        return bool(spoken.poll(limit_s * 1000))

    def farewell(self) -> Response | None:
        """What the master says without being asked, at its end; None when it just hangs up."""
        try:
            return self._receive()
        except ConnectionError:
            return None

    def wait_gone(self, limit_s: float) -> None:
        """Wait until the process itself has ended. Raises NoAnswerError."""
        if self._process is None:
            return
        gone = select.poll()
        gone.register(self._process, select.POLLIN)
        if not gone.poll(limit_s * 1000):
            raise NoAnswerError(f"unknown: master {self.pid} has stopped its fleet but runs on\nnext: kill {self.pid}")

    def strange(self, what: str) -> NoAnswerError:
        return NoAnswerError(f"unknown: master {self.pid} on {_shown(self._path)} {what}\nnext: sylph --version")

    def _silent(self) -> NoAnswerError:
        path = _shown(self._path)
        within = f"did not answer within {self._limit_s:.0f} s"
        if self.pid is None:
            return NoAnswerError(f"unknown: the master on {path} {within}\nnext: ps -C sylph")
        return NoAnswerError(
            f"unknown: master {self.pid} holds {path} but {within}\n"
            f"next: kill -USR1 {self.pid}      # it writes its stacks to its log"
        )

    def _receive(self) -> Response | None:
        """The next response; None when the master has hung up."""
        head = self._read(_HEAD.size)
        body = self._read(_HEAD.unpack(head)[0]) if head else None
        if body is None:
            return None
        try:
            return RESPONSES.decode(body)
        except msgspec.DecodeError as error:
            raise self.strange(f"speaks another version ({error})") from error

    def _read(self, size: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < size:
            left_s = self._ends_at - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(None if left_s == float("inf") else left_s)
            part = self._socket.recv(min(size - len(parts), 1 << 20))
            if not part:
                return None
            parts += part
        return bytes(parts)


def _open_process(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None if it cannot be seen from here."""
    try:
        return os.pidfd_open(pid)
    except OSError:  # another pid namespace, or a kernel without it
        return None


def _no_master(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        here = "" if os.path.isabs(_shown(path)) else " here"
        return f"no master: nothing listens on {_shown(path)}{here}; other place: --socket PATH\nnext: sylph run"
    reason = error.strerror or str(error)
    return f"no master: {_shown(path)} cannot be opened: {reason.lower()}\nnext: ls -l {_shown(path)}"


def _shown(path: str) -> str:
    """The path as somebody in this folder would write it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
