"""What the page is told: everything at first, then what is new, as JSON.

On the master's loop thread. A place in the feed is `SECOND.EVENT`, the numbers of the newest known of each.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from msgspec import Struct

from sylph_mp.control.event import Event
from sylph_mp.control.status import Snapshot
from sylph_mp.control.timeline import COLUMNS, Point, Timeline
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.logs import Line

#: Events that the page gets at first; it lists fewer, but marks them all in its plots.
MOST_EVENTS = 200

Mark = Literal["grow", "shrink", "crash", "quiet", "start"]
Events = Callable[[int], tuple[Event, ...]]
Look = Callable[[], Awaitable[Snapshot]]


class Place(Struct, frozen=True):
    second: int = 0
    event: int = 0

    def __str__(self) -> str:
        return f"{self.second}.{self.event}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The beginning for what is none: a reader may send anything."""
        second, dot, event = text.partition(".")
        known = dot and second.isascii() and second.isdigit() and event.isascii() and event.isdigit()
        return cls(int(second), int(event)) if known and len(text) < 40 else cls()


class Happening(Struct, frozen=True, kw_only=True):
    at: str
    level: str
    who: str
    event: str
    text: str
    mark: Mark | None
    """How it shows in the plots."""


class Beginning(Struct, frozen=True, kw_only=True):
    place: str
    columns: tuple[str, ...]
    """Of the points, which are arrays."""
    seconds: tuple[Point, ...]
    minutes: tuple[Point, ...]
    happened: tuple[Happening, ...]


class News(Struct, frozen=True, kw_only=True):
    points: tuple[Point, ...]
    happened: tuple[Happening, ...]
    status: Snapshot


class Feed:
    def __init__(self, *, look: Look, timeline: Timeline, events: Events) -> None:
        """`events` are those after a number, the oldest first."""
        self._look = look
        self._timeline = timeline
        self._events = events

    @property
    def place(self) -> Place:
        """Of who knows everything."""
        return self._place(self._events(0))

    def beginning(self) -> bytes:
        events = self._events(0)
        beginning = Beginning(
            place=str(self._place(events)),
            columns=COLUMNS,
            seconds=self._timeline.seconds(),
            minutes=self._timeline.minutes(),
            happened=_happened(events[-MOST_EVENTS:]),
        )
        return msgspec.json.encode(beginning)

    async def news(self, since: Place) -> tuple[Place, bytes]:
        """What is new since a place, and the place that a reader of it has come to."""
        status = await self._look()
        events = self._events(since.event)
        place = self._place(events, known=since.event)
        news = News(points=self._timeline.seconds(since.second), happened=_happened(events), status=status)
        return place, msgspec.json.encode(news)

    def _place(self, events: tuple[Event, ...], *, known: int = 0) -> Place:
        return Place(self._timeline.newest, events[-1].number if events else known)


def _happened(events: tuple[Event, ...]) -> tuple[Happening, ...]:
    return tuple(
        Happening(
            at=rfc3339(event.line.at.timestamp()),
            level=event.line.level,
            who=event.line.who,
            event=event.line.event,
            text=event.line.text,
            mark=mark_of(event.line),
        )
        for event in events
    )


def mark_of(line: Line) -> Mark | None:
    match line.event:
        case "scale":
            before, after = line.fields.get("from"), line.fields.get("to")
            if not isinstance(before, int) or not isinstance(after, int) or before == after:
                return None  # refused, or of threads
            return "grow" if after > before else "shrink"
        case "crash" | "gave-up":
            return "crash"
        case "quiet":
            return "quiet"
        case "start" if line.level == "info":
            return "start"
        case _:
            return None
