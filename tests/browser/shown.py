"""A fleet made up for the page: fifteen minutes of it, one consumer hung, one stuck, and what happened."""

import math
from datetime import UTC, datetime

from msgspec.structs import replace

from sylph_mp.control.event import Event
from sylph_mp.control.status import Snapshot
from sylph_mp.control.timeline import Point, Timeline
from sylph_mp.logs import Line
from tests.unit.cli import snapshots

#: Of the newest point.
SECOND, WALL = 9000, 1_773_497_179.0
#: What others wrote must not act.
HOSTILE = "<img src=x onerror=alert(1)><b>bold</b>"


def point(second: int) -> Point:
    """A wave; nothing is known for half a minute, and the fleet is quiet for another."""
    age = SECOND - second
    known = not 400 < age < 430
    settled = 5000 + 900 * math.sin(age / 200)
    return Point(
        number=second,
        at=WALL - age,
        acked_per_s=settled if known else None,
        retried_per_s=12.0 if known else None,
        dead_per_s=0.2 if known else None,
        fail_ratio=0.003,
        wait_p50_s=0.003,
        wait_p99_s=0.038,
        end_p50_s=0.012,
        end_p99_s=0.08 if age > 200 else 1.4,
        in_flight=208,
        consumers=3 if age > 600 else 4,
        wanted=4,
        quiet=700 < age < 730,
        rates={"orders": settled * 0.7, "receipts": settled * 0.3},
    )


class ShownTimeline(Timeline):
    """Drawn, not recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.newest_shown = SECOND

    @property
    def newest(self) -> int:
        return self.newest_shown

    def seconds(self, after: int = 0) -> tuple[Point, ...]:
        return tuple(point(second) for second in range(max(after + 1, SECOND - 899), self.newest + 1))


def events() -> list[Event]:
    told = (
        (3700, "info", "master", "ready", "4 consumers in 0.4 s", {}),
        (730, "info", "master", "quiet", "fleet takes no new deliveries", {"by": "root"}),
        (700, "info", "master", "start", "fleet takes deliveries again", {"by": "root"}),
        (600, "info", "master", "scale", "wait p99 810 ms, above 500 ms for 10 s", {"from": 3, "to": 4}),
        (366, "warn", "slot 3", "crash", f"SIGSEGV after 2h11m {HOSTILE}", {"crash": 41}),
    )
    lines = [
        Line(at=datetime.fromtimestamp(WALL - age, UTC), level=level, who=who, event=name, text=text, fields=fields)
        for age, level, who, name, text, fields in told
    ]
    return [Event(number, line) for number, line in enumerate(lines, start=1)]


def degraded() -> Snapshot:
    shown = snapshots.degraded()
    failing, *others = shown.topics
    return replace(shown, topics=(replace(failing, topic=f"orders{HOSTILE}"), *others))
