"""Fixed memory for what happened lately: amounts per second, and counts by key per part of a window.

Owned by the master's `History`, on its loop thread; time is passed in.
"""

import math
from array import array
from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

#: Seconds that a `Seconds` remembers.
SECONDS = 900


class Seconds:
    """One amount for each of the last 900 seconds; 7,200 bytes from the first amount on."""

    def __init__(self, at: float) -> None:
        self._newest = int(at)
        self._first = math.ceil(at)
        self._amounts = array("d")
        self._last = self._newest - SECONDS
        """The newest second with an amount: whoever asks of later ones need not look."""

    def spread(self, amount: float, begin: float, end: float) -> None:
        """Add what came about evenly from `begin` to `end`: reports do not end with the second."""
        self._advance(int(end))
        begin = max(begin, self._newest - SECONDS + 1.0)
        if end <= begin:
            self._put(int(end), amount)
            return
        for second in range(int(begin), int(end) + 1):
            part = min(end, second + 1.0) - max(begin, second)
            self._put(second, amount * part / (end - begin))

    def mean(self, seconds: int, last: int) -> float | None:
        """Per second, over the `seconds` up to and with `last`; None before the first whole second."""
        first = max(last - seconds + 1, self._first)
        if last < first:
            return None
        known = last - first + 1
        return self.total(known, last) / known

    def total(self, seconds: int, last: int) -> float:
        """The sum of the `seconds` up to and with the second `last`."""
        first = max(last - seconds + 1, self._newest - SECONDS + 1)
        if first > self._last:
            return 0.0
        return sum(self._amounts[second % SECONDS] for second in range(first, min(last, self._last) + 1))

    def _put(self, second: int, amount: float) -> None:
        if amount and second > self._newest - SECONDS:
            if not self._amounts:
                self._amounts = array("d", bytes(8 * SECONDS))
            self._amounts[second % SECONDS] += amount
            self._last = max(self._last, second)

    def _advance(self, second: int) -> None:
        if self._amounts:
            for passed in range(max(self._newest, second - SECONDS) + 1, second + 1):
                self._amounts[passed % SECONDS] = 0.0
        self._newest = max(self._newest, second)


class CountWindow(Generic[K]):
    """Counts by key over the last `parts` x `part_s` seconds, at most `keys` different ones in a part.

    What exceeds `keys` is counted under `rest`.
    """

    def __init__(self, *, parts: int, part_s: float, keys: int, rest: K) -> None:
        self._part_s = part_s
        self._keys = keys
        self._rest = rest
        self._parts: deque[tuple[int, dict[K, int]]] = deque(maxlen=parts)

    def add(self, counts: Mapping[K, int], at: float) -> None:
        if not counts:
            return
        number = int(at / self._part_s)
        if not self._parts or self._parts[-1][0] < number:
            self._parts.append((number, {}))
        part = self._parts[-1][1]
        for key, count in counts.items():
            kept = key if key in part or len(part) < self._keys else self._rest
            part[kept] = part.get(kept, 0) + count

    def merged(self, now: float) -> dict[K, int]:
        """All counts of the window that ends now."""
        oldest = int(now / self._part_s) - (self._parts.maxlen or 0)
        total: dict[K, int] = {}
        for number, part in self._parts:
            if number > oldest:
                for key, count in part.items():
                    total[key] = total.get(key, 0) + count
        return total
