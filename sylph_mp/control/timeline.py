"""How the fleet fared: what the plots of the page and the small lines beside a row are drawn of.

Owned by the master, on its loop thread, which records each second; knows no clock.

Memory, fixed: 900 points of a second and 1,440 of a minute, each 0.6 KiB and at most 0.1 KiB a topic; what topics
settled is kept once for all points in a row that agree on it.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from sylph_mp.control import facts
from sylph_mp.control.durations import quantiles
from sylph_mp.control.history import RATE_S, Failing, History
from sylph_mp.control.observation import Observation
from sylph_mp.control.quantities import four_digits
from sylph_mp.histogram import merge

SECONDS = 900
MINUTES = 1440
MINUTE_S = 60


class Point(Struct, frozen=True, kw_only=True, array_like=True):
    """One moment of the whole fleet; None is unknown."""

    number: int
    """Of the second, or of the minute: a missing one was not recorded."""
    at: float
    """Seconds since 1970 UTC."""
    acked_per_s: float | None
    """Mean of 10 s, in a point of a minute of that minute; so are the next two."""
    retried_per_s: float | None
    dead_per_s: float | None
    fail_ratio: float | None
    """(Retry + DeadLetter) / settled, of 60 s."""
    wait_p50_s: float | None
    """Of 60 s, and so are the other percentiles."""
    wait_p99_s: float | None
    end_p50_s: float | None
    end_p99_s: float | None
    in_flight: int
    consumers: int
    """Those with a process."""
    wanted: int
    quiet: bool
    """No topic takes deliveries: somebody made all of them quiet."""
    rates: Mapping[str, float]
    """Topic -> acked per second, mean of 10 s; without those that are unknown."""


#: Names of a point's values, in the order of its array.
COLUMNS = Point.__struct_fields__


class Timeline:
    def __init__(self) -> None:
        self._seconds: deque[Point] = deque(maxlen=SECONDS)
        self._minutes: deque[Point] = deque(maxlen=MINUTES)

    def record(self, observation: Observation, history: History) -> None:
        """Keep this moment, unless its second has been kept; the end of a minute is kept as such too."""
        second, minute = int(observation.now), int(observation.now) // MINUTE_S
        if self._seconds and self._seconds[-1].number >= second:
            return
        before = self._seconds[-1] if self._seconds else None
        self._seconds.append(_point(observation, history, number=second, seconds=RATE_S, before=before))
        if not self._minutes or self._minutes[-1].number < minute:
            self._minutes.append(_point(observation, history, number=minute, seconds=MINUTE_S, before=before))

    @property
    def newest(self) -> int:
        """Number of the newest second; 0 before the first."""
        return self._seconds[-1].number if self._seconds else 0

    def seconds(self, after: int = 0) -> tuple[Point, ...]:
        """The points with a higher number, of those that are kept, the oldest first."""
        return tuple(point for point in self._seconds if point.number > after)

    def minutes(self) -> tuple[Point, ...]:
        return tuple(self._minutes)


def _point(observation: Observation, history: History, *, number: int, seconds: int, before: Point | None) -> Point:
    """`before` is the second before it: at rest the points share what would be their largest part."""
    now, hosts = observation.now, facts.Hosts(observation)
    told = {
        topic.name: past
        for topic in observation.topics
        if (past := history.topic(topic.name)) is not None and not hosts.have_gone_silent(topic.name)
    }
    rates = [past.rates(seconds, now) for past in told.values()]
    wait = quantiles(merge(past.wait.recent(now) for past in told.values()))
    end = quantiles(merge(past.end.recent(now) for past in told.values()))
    by_topic = {name: rate for name, past in told.items() if (rate := four_digits(past.rate_per_s(now))) is not None}
    return Point(
        number=number,
        at=round(observation.wall, 1),
        acked_per_s=_sum(rate.acked for rate in rates),
        retried_per_s=_sum(rate.retried for rate in rates),
        dead_per_s=_sum(rate.dead for rate in rates),
        fail_ratio=_fail_ratio([past.failing(now) for past in told.values()]),
        wait_p50_s=four_digits(wait.p50_s),
        wait_p99_s=four_digits(wait.p99_s),
        end_p50_s=four_digits(end.p50_s),
        end_p99_s=four_digits(end.p99_s),
        in_flight=sum(facts.in_flight(slot) for slot in observation.slots),
        consumers=sum(slot.pid is not None for slot in observation.slots),
        wanted=observation.wanted,
        quiet=all(topic.quiet is not None for topic in observation.topics),
        rates=before.rates if before is not None and before.rates == by_topic else by_topic,
    )


def _sum(parts: Iterable[float | None]) -> float | None:
    """None where nothing is known."""
    known = [part for part in parts if part is not None]
    return four_digits(sum(known)) if known else None


def _fail_ratio(parts: Sequence[Failing]) -> float | None:
    settled = sum(part.settled for part in parts)
    return four_digits(sum((part.ratio or 0.0) * part.settled for part in parts) / settled) if settled else None
