"""What the fleet had to bear at most over a while: it is not to shrink below that. Pure; fixed memory.

A minute's quiet says little: the largest demand of the whole time counts, taken with the same eyes as growth sees, so
that noise which was there in that time cannot make the fleet grow again at once.
"""

from collections import deque

from sylph_mp.master.scaling_need import Demand

#: Parts in which a time is remembered.
PARTS = 60


class Peaks:
    """`add` each look; `most` of the last `s` seconds. 61 parts are kept, whatever the time."""

    def __init__(self, seconds: float) -> None:
        self._part_s = seconds / PARTS
        self._parts: deque[tuple[float, Demand]] = deque(maxlen=PARTS + 1)
        self._began: float | None = None

    def add(self, demand: Demand, now: float) -> None:
        if self._began is None:
            self._began = now
        if self._parts and now - self._parts[-1][0] < self._part_s:
            began, so_far = self._parts[-1]
            self._parts[-1] = (began, Demand.largest((so_far, demand)))
        else:
            self._parts.append((now, demand))

    def most(self, now: float) -> Demand | None:
        """None while it was not looked at for all of the time."""
        seconds = self._part_s * PARTS
        if self._began is None or now - self._began < seconds:
            return None
        known = [demand for began, demand in self._parts if began + self._part_s > now - seconds]
        return Demand.largest(known) if known else None
