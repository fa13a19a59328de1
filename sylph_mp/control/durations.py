"""How long something took, for one topic: of the last 60 s for percentiles, since the master's start for metrics.

Owned by the master's `History`, on its loop thread; time is passed in.
"""

from collections.abc import Mapping

from msgspec import Struct

from sylph_mp.control.rings import CountWindow
from sylph_mp.histogram import BUCKETS, quantile_s


class Quantiles(Struct, frozen=True):
    """Seconds; None for no sample in the last 60 s."""

    p50_s: float | None
    p99_s: float | None


class Durations:
    def __init__(self) -> None:
        self.total: dict[int, int] = {}
        """Counts by bucket of all that was ever added; they never fall."""
        self._recent: CountWindow[int] = CountWindow(parts=12, part_s=5.0, keys=BUCKETS, rest=BUCKETS - 1)

    def add(self, counts: Mapping[int, int], at: float) -> None:
        self._recent.add(counts, at)
        for bucket, count in counts.items():
            self.total[bucket] = self.total.get(bucket, 0) + count

    def recent(self, now: float) -> dict[int, int]:
        """Counts by bucket of the last 60 s."""
        return self._recent.merged(now)

    def quantiles(self, now: float) -> Quantiles:
        return quantiles(self.recent(now))


def quantiles(counts: Mapping[int, int]) -> Quantiles:
    return Quantiles(quantile_s(counts, 0.5), quantile_s(counts, 0.99))
