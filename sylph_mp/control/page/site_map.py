"""The page's addresses: the document, its files, what its plots are drawn of, and the stream of news.

On the master's loop thread; reads only.
"""

from sylph_mp.control.http_messages import Handler, Request, Response, Routes
from sylph_mp.control.page.document import Document, asset, icons
from sylph_mp.control.page.feed import Feed, Look
from sylph_mp.control.page.streams import Streams

_TYPES = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


class SiteMap:
    def __init__(self, *, look: Look, document: Document, feed: Feed, streams: Streams) -> None:
        self._look = look
        self._document = document
        self._feed = feed
        self._streams = streams

    def routes(self) -> Routes:
        return {
            "/": self._page,
            "/history.json": self._history,
            "/events": self._streams.serve,
            **{f"/{name}": _file(asset(name), content_type) for name, content_type in _TYPES.items()},
            **{f"/icon-{verdict}.svg": _file(svg, "image/svg+xml") for verdict, svg in icons().items()},
        }

    async def _page(self, _: Request) -> Response:
        text = self._document.render(await self._look())
        return Response(body=text.encode(), content_type="text/html; charset=utf-8")

    async def _history(self, _: Request) -> Response:
        return Response(body=self._feed.beginning(), content_type="application/json")


def _file(text: str, content_type: str) -> Handler:
    """The same as long as the master runs."""
    response = Response(body=text.encode(), content_type=content_type)

    async def answer(_: Request) -> Response:
        return response

    return answer
