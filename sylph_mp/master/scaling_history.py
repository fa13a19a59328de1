"""The autoscaler's decisions that changed something or were refused, the newest last; a fixed number of them.

Kept in the master, on its loop thread.
"""

from collections import deque

from msgspec import Struct

#: Lines kept.
LINES = 50
#: The same refusal is a line again only after so long.
REPEAT_S = 600.0


class Size(Struct, frozen=True):
    """Of a fleet."""

    consumers: int
    threads: int
    """Of each."""


class Line(Struct, frozen=True, kw_only=True):
    wall: float
    """Seconds since 1970 UTC."""
    before: Size
    after: Size
    refused: bool
    """Nothing was changed: `why` has the wish and what was in its way."""
    why: str


class ScalingHistory:
    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=LINES)
        self._refused: tuple[Size, str] | None = None
        self._refused_at = 0.0

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines)

    def changed(self, before: Size, after: Size, why: str, *, wall: float) -> None:
        self._refused = None
        self._lines.append(Line(wall=wall, before=before, after=after, refused=False, why=why))

    def refused(self, now: Size, limit: str, why: str, *, wall: float) -> bool:
        """Whether it is news: while the load is too high it comes up each second, each time with other figures."""
        if self._refused == (now, limit) and wall - self._refused_at < REPEAT_S:
            return False
        self._refused, self._refused_at = (now, limit), wall
        self._lines.append(Line(wall=wall, before=now, after=now, refused=True, why=why))
        return True
