"""Wires all that is seen over HTTP: metrics, health, status and the page.

Called once, when the master is built.
"""

from collections.abc import Callable

from sylph_mp.config.file import problems_of
from sylph_mp.config.schema import Config
from sylph_mp.control.endpoints import Endpoints
from sylph_mp.control.history import History
from sylph_mp.control.http_server import HttpServer
from sylph_mp.control.page.document import Document
from sylph_mp.control.page.feed import Feed
from sylph_mp.control.page.site_map import SiteMap
from sylph_mp.control.page.streams import Streams
from sylph_mp.control.protocol import Commands
from sylph_mp.control.status import Snapshot
from sylph_mp.control.timeline import Timeline
from sylph_mp.logs import Log


def http_port(
    *,
    config: Config,
    commands: Commands,
    history: History,
    timeline: Timeline,
    screen: Callable[[Snapshot], str],
    log: Log,
) -> HttpServer:
    """`screen` is the text of a terminal with 80 columns."""
    look = commands.status
    feed = Feed(look=look, timeline=timeline, events=commands.events)
    streams = Streams(feed, log=log)
    site_map = SiteMap(look=look, document=Document(screen), feed=feed, streams=streams)
    return HttpServer(
        address=config.control.http,
        problem=problems_of(config, "control.http", unset="control.http"),
        routes={**Endpoints(look=look, history=history).routes(), **site_map.routes()},
        close=streams.close,
        log=log,
    )
