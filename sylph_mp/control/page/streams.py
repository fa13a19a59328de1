"""Server-sent events: what is new goes to every open page once a second, encoded once for all.

    retry: 2000                 how long a page waits before it asks again
    id: 9000.41                 a place in the feed; a page that comes back names it and gets what it missed
    data: {"points": …}         one line of JSON
    : waiting                   nothing was new for long: proxies end silent connections

On the master's loop thread; nothing runs while nobody reads. The format: the HTML standard, "Server-sent events".
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial

from sylph_mp.control.http_messages import Request, Response
from sylph_mp.control.page.feed import Feed, Place
from sylph_mp.logs import Log

#: More pages than this poll.
MAX_READERS = 16
#: A reader that leaves so many messages is dropped; it comes back for what it missed.
MAX_UNREAD = 5
SILENCE_S = 15.0
RETRY_MS = 2000

Pause = Callable[[], Awaitable[object]]
EACH_SECOND: Pause = partial(asyncio.sleep, 1.0)


class Reader:
    def __init__(self, serving: "asyncio.Task[object] | None") -> None:
        self.unread: asyncio.Queue[bytes] = asyncio.Queue(MAX_UNREAD)
        self._serving = serving

    def drop(self) -> None:
        """What it has not read is given up."""
        if self._serving is not None:
            self._serving.cancel()


class Streams:
    def __init__(self, feed: Feed, *, log: Log, pause: Pause = EACH_SECOND) -> None:
        """`pause` lasts from one look to the next."""
        self._feed = feed
        self._log = log
        self._pause = pause
        self._readers: set[Reader] = set()
        self._sending: asyncio.Task[None] | None = None

    @property
    def readers(self) -> int:
        return len(self._readers)

    async def serve(self, request: Request) -> Response:
        """A stream, if there is room for a reader more when its first piece is asked for."""
        if len(self._readers) >= MAX_READERS:
            return Response(status=503, headers={"Retry-After": "5"})
        missed = Place.parse(request.headers.get("last-event-id") or request.parameter("after"))
        return Response(
            body=self._messages(missed), content_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _messages(self, missed: Place) -> AsyncGenerator[bytes, None]:
        """Until the reader goes, or is dropped. Runs in the task that serves the reader."""
        reader = Reader(asyncio.current_task())
        self._readers.add(reader)
        try:
            place, news = await self._feed.news(missed)
            self._send(place)
            yield b"retry: %d\n\n" % RETRY_MS + _message(place, news)
            while True:
                yield await _next(reader.unread)
        finally:
            self._readers.remove(reader)

    async def close(self) -> None:
        """Let all readers go."""
        for reader in self._readers:
            reader.drop()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])

    def _send(self, place: Place) -> None:
        """From this place on, if nothing is sent yet."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_to_all(place))

    async def _send_to_all(self, place: Place) -> None:
        while self._readers:
            await self._pause()
            place, message = await self._news(place)
            for reader in self._readers:
                if reader.unread.full():
                    reader.drop()
                elif message:
                    reader.unread.put_nowait(message)

    async def _news(self, since: Place) -> tuple[Place, bytes]:
        try:
            place, news = await self._feed.news(since)
        except Exception as error:  # noqa: BLE001 - a bug met by looking must not end the other looks
            self._log.exception("bug", f"the page gets nothing new: {error}", error, place="page")
            return since, b""
        return place, _message(place, news)


async def _next(unread: asyncio.Queue[bytes]) -> bytes:
    try:
        async with asyncio.timeout(SILENCE_S):
            return await unread.get()
    except TimeoutError:
        return b": waiting\n\n"


def _message(place: Place, news: bytes) -> bytes:
    return b"id: %s\ndata: %s\n\n" % (str(place).encode(), news)
