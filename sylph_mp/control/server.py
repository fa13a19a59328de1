"""The control socket: a unix socket on which commands look at the master and tell it what to do.

Runs on the master's loop thread. Only the master's user may connect; nothing a client does can hurt the master.
"""

import asyncio
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from sylph_mp.config.file import ProblemAt
from sylph_mp.control.peer import peer_pid
from sylph_mp.control.protocol import (
    REQUESTS,
    Autoscale,
    Commands,
    Denied,
    DeniedError,
    Done,
    Events,
    EventsRequest,
    Failed,
    Kill,
    Quiet,
    Recycle,
    Reload,
    Request,
    Response,
    Scale,
    Set,
    Shown,
    StacksRequest,
    StacksShown,
    Start,
    StatusRequest,
    Stop,
    Stopped,
    Verb,
)
from sylph_mp.errors import ResourceError
from sylph_mp.frames import FrameError, FrameStream
from sylph_mp.logs import Log

#: More at once are turned away: a command stays for milliseconds.
MAX_CLIENTS = 32
#: A client that does not take its answer for so long is dropped.
SEND_S = 2.0
#: A client that asks nothing for so long is dropped.
IDLE_S = 30.0
#: How long a master that starts waits for the answer whether another one listens.
PROBE_S = 1.0

Client = FrameStream[Request]


class ControlServer:
    """`start`, then `stop(last)`; `problem` knows where the path was set."""

    def __init__(self, *, path: str, problem: ProblemAt, commands: Commands, log: Log) -> None:
        self._path = path
        self._problem = problem
        self._commands = commands
        self._log = log
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._clients: dict[Client, asyncio.WriteTransport] = {}
        self._awaiting_end: set[Client] = set()
        """Those that asked for the stop and wait for what becomes of it."""
        self._following: dict[Client, int] = {}
        """Those that asked for events, and the number of the newest that each was told."""

    async def start(self) -> None:
        """Listen. Raises ResourceError if another master does, or the socket cannot be made."""
        try:
            with _locked_folder(self._path):
                self._remove_stale()
                listener = self._bind()
        except FileNotFoundError as error:
            folder = os.path.dirname(self._path)
            raise self._error(f"there is no folder {folder} for the socket", fix=f"mkdir -p {folder}") from error
        except OSError as error:
            raise self._error(f"{self._path}: {error.strerror or error}", fix="another control.socket") from error
        self._inode = os.stat(self._path).st_ino
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)

    async def stop(self, last: Stopped | None = None) -> None:
        """Tell those who follow what happened last, and those who asked for the stop what became of it; then close and
        remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for client in self._clients:
            if client in self._following:
                client.post(Events(self._commands.events(self._following[client])))
            if last is not None and client in self._awaiting_end:
                client.post(last)
        await asyncio.gather(*(_close(client, transport) for client, transport in list(self._clients.items())))
        self._remove_own()
        self._server = None

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listener.fileno(), 0o600)  # before bind, so that it is never open to others (Linux, unix(7))
            listener.bind(self._path)
            listener.listen(MAX_CLIENTS)
        except OSError:
            listener.close()
            raise
        listener.setblocking(False)
        return listener

    def _remove_stale(self) -> None:
        """Remove the socket of a master that was killed. Raises ResourceError if one listens."""
        try:
            mode = os.stat(self._path).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise self._error(
                f"{self._path} is there and is no socket",
                why="what is in it may be of use to somebody",
                fix=f"rm {self._path}; or another control.socket",
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_S)
            try:
                probe.connect(self._path)
            except ConnectionRefusedError:
                os.unlink(self._path)
                return
            except (TimeoutError, BlockingIOError):  # the latter: too many wait to be accepted
                owner = "another master"
            else:
                owner = f"master {peer_pid(probe)}"
        raise self._error(
            f"{owner} listens on {self._path}",
            why="two masters on one socket would hide each other",
            fix="sylph stop; or another control.socket for this one",
        )

    def _error(self, what: str, *, why: str = "", fix: str) -> ResourceError:
        return ResourceError(what, problems=(self._problem(what, why=why, fix=fix),))

    def _remove_own(self) -> None:
        try:
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        except FileNotFoundError:
            return  # somebody tidied up

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = FrameStream(reader, writer, REQUESTS)
        if len(self._clients) >= MAX_CLIENTS:
            await client.close()
            return
        self._clients[client] = writer.transport
        try:
            await self._converse(client)
        except (FrameError, ConnectionError, TimeoutError) as error:
            self._log.debug("client", f"a client of the control socket was dropped: {error}")
        finally:
            del self._clients[client]
            self._awaiting_end.discard(client)
            self._following.pop(client, None)
            await _close(client, writer.transport)

    async def _converse(self, client: Client) -> None:
        while True:
            limit_s = None if client in self._awaiting_end else IDLE_S
            async with asyncio.timeout(limit_s):
                request = await client.receive()
            if request is None:
                return
            response = await self._answer(request)
            self._note(client, request, response)
            async with asyncio.timeout(SEND_S):
                await client.send(response)

    def _note(self, client: Client, request: Request, response: Response) -> None:
        """What it is to be told at the end."""
        if isinstance(request, Stop) and isinstance(response, Done):
            self._awaiting_end.add(client)
        if isinstance(request, EventsRequest) and isinstance(response, Events):
            self._following[client] = response.events[-1].number if response.events else request.after

    async def _answer(self, request: Request) -> Response:
        try:
            if isinstance(request, StatusRequest):
                return Shown(await self._commands.status())
            if isinstance(request, EventsRequest):
                return Events(self._commands.events(request.after))
            if isinstance(request, StacksRequest):
                return StacksShown(await self._commands.stacks(request.slot))
            return Done(await self._carry_out(request))
        except DeniedError as error:
            return Denied(str(error), error.next)
        except Exception as error:  # noqa: BLE001 - a bug met by looking must not end the fleet
            self._log.exception("control", f"{type(request).__name__} failed", error)
            return Failed(f"the master failed at it: {type(error).__name__}: {error}; its log has the trace")

    async def _carry_out(self, verb: Verb) -> str:  # noqa: PLR0911 - one line a verb
        commands = self._commands
        match verb:
            case Scale(wanted, by):
                return await commands.scale(wanted, by)
            case Autoscale(action, by):
                return await commands.autoscale(action, by)
            case Quiet(target, by):
                return await commands.quiet(target, by)
            case Start(target, by):
                return await commands.start(target, by)
            case Recycle(target):
                return await commands.recycle(target)
            case Kill(target):
                return await commands.kill(target)
            case Stop():
                return await commands.stop()
            case Reload():
                return await commands.reload()
            case Set(key, value, by, saved):
                return await commands.set(key, value, by, saved=saved)
        assert_never(verb)


async def _close(client: Client, transport: asyncio.WriteTransport) -> None:
    try:
        async with asyncio.timeout(SEND_S):
            await client.close()
    except TimeoutError:
        transport.abort()  # it does not read: what it was to get is given up


@contextmanager
def _locked_folder(path: str) -> Iterator[None]:
    """Two masters that start at once must not remove each other's socket; the lock leaves no file behind."""
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
