"""The port `control.http`: what answers on it is handed in. Read-only and without a login.

Runs on the master's loop thread.
"""

import asyncio
import errno
import ipaddress
from collections.abc import Awaitable, Callable

from sylph_mp.config.file import ProblemAt
from sylph_mp.control.http_connection import HttpConnection
from sylph_mp.control.http_messages import Routes
from sylph_mp.errors import ResourceError
from sylph_mp.logs import Log

#: A stopping master does not wait longer for an answer that is under way.
SHUTDOWN_S = 1.0
#: More at once are closed as they come.
MAX_CONNECTIONS = 100

#: Names of topics and texts of errors come from others: nothing but our own files may load or run, whatever they hold.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class HttpServer:
    """`start`, then `stop`; `address` is `host:port`, `problem` knows where it was set."""

    def __init__(
        self,
        *,
        address: str,
        problem: ProblemAt,
        routes: Routes,
        close: Callable[[], Awaitable[None]],
        log: Log,
    ) -> None:
        """`close` ends the answers that would not end by themselves."""
        self._address = address
        self._problem = problem
        self._routes = routes
        self._close = close
        self._log = log
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], HttpConnection] = {}

    async def start(self) -> None:
        """Listen. Raises ResourceError if the port cannot be had."""
        host, port = split_address(self._address)
        try:
            self._server = await asyncio.start_server(self._connected, host, port)
        except OSError as error:
            raise self._refusal(error) from error
        if not is_loopback(host):
            self._log.warn("http", f"{self._address} has no login: whoever reaches it sees topics, errors and rates")

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        await self._close()
        for task, connection in list(self._serving.items()):
            if connection.waits:
                task.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=SHUTDOWN_S)
        for task in list(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)
        await self._server.wait_closed()
        self._server = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._serving) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        connection = HttpConnection(reader, writer, routes=self._routes, headers=HEADERS, log=self._log)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._serving[task] = connection
        task.add_done_callback(self._serving.pop)

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
