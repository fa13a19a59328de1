"""A port with everything that the master serves on it, of a fleet that a test makes up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import aiohttp

from sylph_mp.control.endpoints import Endpoints
from sylph_mp.control.event import Event
from sylph_mp.control.history import History
from sylph_mp.control.http_server import HttpServer
from sylph_mp.control.page.document import Document
from sylph_mp.control.page.feed import Feed
from sylph_mp.control.page.site_map import SiteMap
from sylph_mp.control.page.streams import Pause, Streams
from sylph_mp.control.snapshot import snapshot
from sylph_mp.control.status import Snapshot
from sylph_mp.control.timeline import Timeline
from sylph_mp.errors import Problem
from sylph_mp.logs import Log
from tests.brokers.ports import free_port
from tests.unit.control.observed import observation, slot


def problem_there(what, *, why="", fix=""):
    return Problem(place="config.toml:21:8", what=what, why=why, fix=fix)


#: Seconds are short here.
SHORT = partial(asyncio.sleep, 0.02)


class Served:
    """What is shown may be changed while it is served."""

    def __init__(
        self,
        *,
        shown: Snapshot | None = None,
        timeline: Timeline | None = None,
        pause: Pause = SHORT,
    ) -> None:
        self.shown = shown or snapshot(observation(slot(1)), History(), ())
        self.history = History()
        self.timeline = timeline or Timeline()
        self.happened: Sequence[Event] = ()
        self.looks = 0
        self.text = "healthy: as on a terminal"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        log = Log("master")
        feed = Feed(look=self.look, timeline=self.timeline, events=self.events)
        self.streams = Streams(feed, log=log, pause=pause)
        site_map = SiteMap(look=self.look, document=Document(lambda _: self.text), feed=feed, streams=self.streams)
        self.server = HttpServer(
            address=self.address,
            problem=problem_there,
            routes={**Endpoints(look=self.look, history=self.history).routes(), **site_map.routes()},
            close=self.streams.close,
            log=log,
        )

    async def look(self) -> Snapshot:
        self.looks += 1
        return self.shown

    def events(self, after: int) -> tuple[Event, ...]:
        return tuple(event for event in self.happened if event.number > after)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Serve; the session's paths are those of the port."""
        await self.server.start()
        try:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(self.url, connector=connector) as session:
                yield session
        finally:
            await self.server.stop()
