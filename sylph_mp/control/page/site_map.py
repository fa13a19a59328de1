"""The page's addresses: the document, its files, what its plots are drawn of, and the stream of news.

On the master's loop thread; reads only.
"""

from aiohttp import web

from sylph_mp.control.page.document import Document, asset, icon
from sylph_mp.control.page.feed import Feed, Look
from sylph_mp.control.page.streams import Streams

_FILES = {"page.css": "text/css", "page.js": "text/javascript"}


class SiteMap:
    def __init__(self, *, look: Look, document: Document, feed: Feed, streams: Streams) -> None:
        self._look = look
        self._document = document
        self._feed = feed
        self._streams = streams
        self._files = {name: asset(name) for name in _FILES}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._page),
            web.get("/{name:page\\.(css|js)}", self._file),
            web.get("/icon-{verdict:[a-z-]+}.svg", self._icon),
            web.get("/history.json", self._history),
            web.get("/events", self._streams.serve, allow_head=False),
        ]

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=self._document.render(await self._look()), content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.Response(text=self._files[name], content_type=_FILES[name])

    async def _icon(self, request: web.Request) -> web.Response:
        return web.Response(text=icon(request.match_info["verdict"]), content_type="image/svg+xml")

    async def _history(self, _: web.Request) -> web.Response:
        return web.Response(body=self._feed.beginning(), content_type="application/json")
