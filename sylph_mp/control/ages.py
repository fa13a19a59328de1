"""Remembers how old the messages of one topic were when they were received, to say whether it falls behind.

Owned by the master's `History`, on its loop thread; time is passed in. Memory, fixed: seven pairs of numbers.
"""

from collections import deque
from itertools import pairwise

from msgspec import Struct

MINUTE_S = 60.0
#: For so many minutes each has to be worse than the one before it.
MINUTES = 5
#: Messages that get older nearly as fast as time passes: how much faster they come cannot be told from that.
MOST_AGEING = 0.95


class Rise(Struct, frozen=True):
    """Five whole minutes, each with older messages than the one before."""

    age_s: float
    """Mean of the last of them."""
    ageing: float
    """Seconds that messages got older in a second."""

    def grows_per_s(self, done_per_s: float) -> float:
        """Messages a second that come and are not done: where `a` come and `r` are done, ageing is 1 - r/a."""
        ageing = min(MOST_AGEING, self.ageing)
        return done_per_s * ageing / (1.0 - ageing)


class Ages:
    def __init__(self) -> None:
        # One minute more than is looked at, as the present one is not over, and one as reports come late.
        self._minutes: deque[tuple[int, float, int]] = deque(maxlen=MINUTES + 2)
        """The number of a minute, the sum of what was told in it, and how often."""

    def add(self, age_s: float, at: float) -> None:
        """A consumer told a mean of its last second."""
        number = int(at / MINUTE_S)
        if not self._minutes or self._minutes[-1][0] < number:
            self._minutes.append((number, 0.0, 0))
        last, total, count = self._minutes[-1]
        self._minutes[-1] = (last, total + age_s, count + 1)

    def rise(self, now: float) -> Rise | None:
        """None where the last five whole minutes were not each worse than the one before, or one had no message."""
        last = int(now / MINUTE_S) - 1
        if not self._minutes or self._minutes[-1][0] < last:
            return None
        means = {number: total / count for number, total, count in self._minutes}
        ages = [means.get(last - back) for back in reversed(range(MINUTES))]
        known = [age for age in ages if age is not None]
        if len(known) < MINUTES or not all(before < after for before, after in pairwise(known)):
            return None
        return Rise(known[-1], (known[-1] - known[0]) / (MINUTE_S * (MINUTES - 1)))
