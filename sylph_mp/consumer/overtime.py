"""Decides what is done about a handler call that takes long, and how long it took.

Pure: the watchdog gives it the times. Seconds, or nanoseconds of CLOCK_MONOTONIC where a name ends with `_ns`.
"""

from collections import deque
from typing import Literal

#: An interrupted call gets half of its time limit to come back, within these bounds: a second for what it has to clean
#: up, and not so long that the others' leases end.
LEAST_GRACE_S = 1.0
MOST_GRACE_S = 5.0
#: A look that comes this much late: the process was stopped, or its interpreter held.
STANDSTILL_NS = 2_000_000_000
#: Standstills that are remembered.
MOST_STANDSTILLS = 64

Step = Literal["wait", "interrupt", "give-up"]


def next_step(*, ran_s: float, limit_s: float, interrupted_at_s: float | None) -> Step:
    """`interrupted_at_s` is how long it had run when it was told to end; None if it was not."""
    if interrupted_at_s is None:
        return "interrupt" if ran_s >= limit_s else "wait"
    return "give-up" if ran_s - interrupted_at_s >= grace_s(limit_s) else "wait"


def grace_s(limit_s: float) -> float:
    return min(max(limit_s / 2, LEAST_GRACE_S), MOST_GRACE_S)


class Attendance:
    """Knows when the process stood still, for which no handler is to blame."""

    def __init__(self, *, tick_ns: int) -> None:
        self._tick_ns = tick_ns
        self._due_ns: int | None = None
        self._standstills: deque[tuple[int, int]] = deque(maxlen=MOST_STANDSTILLS)

    def tick(self, now_ns: int) -> None:
        """To be called every `tick_ns`."""
        if self._due_ns is not None and now_ns - self._due_ns > STANDSTILL_NS:
            self._standstills.append((self._due_ns, now_ns))
        self._due_ns = now_ns + self._tick_ns

    def ran_ns(self, since_ns: int, now_ns: int) -> int:
        """How long something that began at `since_ns` could run."""
        lost_ns = sum(end - max(begin, since_ns) for begin, end in self._standstills if end > since_ns)
        return now_ns - since_ns - lost_ns
