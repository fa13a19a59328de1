"""The probes and the status object over HTTP, where `control.http` is set. Read-only and without a login.

Runs on the master's loop thread; imported only when it is wanted.
"""

import errno
import ipaddress
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from sylph_mp.config.file import ProblemAt
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import ResourceError
from sylph_mp.logs import Log

#: A stopping master does not wait longer for an answer that is under way.
SHUTDOWN_S = 1.0

Look = Callable[[], Awaitable[Snapshot]]


class HttpServer:
    """`start`, then `stop`; `address` is `host:port`, `problem` knows where it was set."""

    def __init__(self, *, address: str, problem: ProblemAt, look: Look, log: Log) -> None:
        self._address = address
        self._problem = problem
        self._look = look
        self._log = log
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises ResourceError if the port cannot be had."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/status.json", self._status),
                web.get("/health/live", self._live),
                web.get("/health/ready", self._ready),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        host, port = split_address(self._address)
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            raise self._refusal(error) from error
        if not is_loopback(host):
            self._log.warn("http", f"{self._address} has no login: whoever reaches it sees topics, errors and rates")

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _status(self, _: web.Request) -> web.Response:
        return _response(msgspec.json.encode(await self._look()), content_type="application/json")

    async def _live(self, _: web.Request) -> web.Response:
        return _response(b"live\n")  # that it is answered is the answer; brokers and consumers are not asked

    async def _ready(self, _: web.Request) -> web.Response:
        master = (await self._look()).master
        if master is not None and master.state == "running":
            return _response(b"ready\n")
        return _response(f"{master.state if master else 'unknown'}\n".encode(), status=503)

    def _refusal(self, error: OSError) -> ResourceError:
        if error.errno == errno.EADDRINUSE:
            what = f"control.http: {self._address} is in use by another process"
        else:
            what = f"control.http: cannot listen on {self._address}: {error.strerror or error}"
        host, _, port = self._address.rpartition(":")
        problem = self._problem(
            what,
            why="metrics and health would not be where they are looked for",
            fix=f'another port, such as http = "{host}:{int(port) % 65535 + 1}"; or http = "" for none',
        )
        return ResourceError(what, problems=(problem,))


def split_address(address: str) -> tuple[str, int]:
    """`127.0.0.1:9464` or `[::1]:9464`, whose form the configuration has checked."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """A name counts as one of the network, except `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _response(body: bytes, *, status: int = 200, content_type: str = "text/plain") -> web.Response:
    return web.Response(body=body, status=status, content_type=content_type, headers={"Cache-Control": "no-store"})
