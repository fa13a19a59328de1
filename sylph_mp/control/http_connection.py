"""One connection to `control.http`: GET and HEAD, one after the other, until the client goes or breaks a rule.

h11 knows the protocol; the bounds are set here: of time, of a request's head, and that no body is read. On the master's
loop thread.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from http import HTTPStatus

import h11

from sylph_mp.control.http_messages import Request, Response, Routes
from sylph_mp.logs import Log

#: A client that asks nothing for so long is let go, and one that does not take what it is sent.
SILENCE_S = 60.0
#: Of a request's line and headers together.
HEAD_BYTES = 16 << 10
_READ_BYTES = 4096
_METHODS = {b"GET", b"HEAD"}


class HttpConnection:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        routes: Routes,
        headers: Mapping[str, str],
        log: Log,
    ) -> None:
        """`headers` are part of every answer."""
        self.waits = True
        """For a request: to end it now breaks nothing off."""
        self._reader = reader
        self._writer = writer
        self._routes = routes
        self._headers = headers
        self._log = log
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)

    async def serve(self) -> None:
        """Until it is over; closes it. To cancel this breaks off what is sent."""
        try:
            while (head := await self._head()) is not None:
                self.waits = False
                await self._answer(head)
                if self._http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                    return  # one of the two has said that it ends here, or there is a body, which nobody reads
                self._http.start_next_cycle()
                self.waits = True
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        finally:
            self._writer.close()

    async def _head(self) -> h11.Request | None:
        """The next request, None if no more comes. Raises RemoteProtocolError, ConnectionError and TimeoutError."""
        async with asyncio.timeout(SILENCE_S):
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_READ_BYTES))
        if not isinstance(event, h11.Request):
            return None
        self._http.next_event()  # the end of the request if it has no body
        return event

    async def _answer(self, head: h11.Request) -> None:
        path, _, query = head.target.decode("ascii").partition("?")
        handler = self._routes.get(path)
        if handler is None:
            response = _plain(HTTPStatus.NOT_FOUND)
        elif head.method not in _METHODS:
            response = _plain(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD")
        else:
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
            try:
                response = await handler(Request(query=query, headers=headers))
            except Exception as error:  # noqa: BLE001 - a bug met by one look must not end the others
                self._log.exception("bug", f"{path} is not answered: {error}", error, place="http")
                response = _plain(HTTPStatus.INTERNAL_SERVER_ERROR)
        await self._send(response, with_body=head.method != b"HEAD")

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say what rule was broken, if an answer may still be sent."""
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            try:
                await self._send(_plain(HTTPStatus(error.error_status_hint)), with_body=True)
            except (ConnectionError, TimeoutError):
                self._writer.transport.abort()

    async def _send(self, response: Response, *, with_body: bool) -> None:
        body = response.body
        headers = {
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
            "Content-Type": response.content_type,
            **self._headers,
            **response.headers,
        }
        if isinstance(body, bytes):
            headers["Content-Length"] = str(len(body))
        reason = HTTPStatus(response.status).phrase
        self._write(h11.Response(status_code=response.status, headers=list(headers.items()), reason=reason))
        if with_body:
            await self._send_body(body)
        self._write(h11.EndOfMessage())
        await self._taken()

    async def _send_body(self, body: bytes | AsyncGenerator[bytes, None]) -> None:
        if isinstance(body, bytes):
            self._write(h11.Data(data=body))
            return
        # Nothing was waited for since the handler gave it, so that what it is may be counted with its first piece.
        watching = self._watch()
        try:
            async with aclosing(body) as pieces:
                async for piece in pieces:
                    self._write(h11.Data(data=piece))
                    await self._taken()
        finally:
            watching.cancel()

    def _watch(self) -> "asyncio.Task[None]":
        """Cancel what is served now when the client goes, which may be long before it is sent the next piece."""
        serving = asyncio.current_task()
        assert serving is not None

        async def until_gone() -> None:
            with suppress(ConnectionError):
                while await self._reader.read(_READ_BYTES):
                    pass
            serving.cancel()

        return asyncio.get_running_loop().create_task(until_gone())

    def _write(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        self._writer.write(self._http.send(event) or b"")

    async def _taken(self) -> None:
        async with asyncio.timeout(SILENCE_S):
            await self._writer.drain()


def _plain(status: HTTPStatus, **headers: str) -> Response:
    return Response(status=status, body=f"{status.value} {status.phrase}\n".encode(), headers=headers)
