"""A histogram of durations with log-spaced buckets, small enough to send each second.

One thread writes; merged by adding bucket counts, in any process.

Bucket of v microseconds: below 16 the value itself; above, the position of the highest bit and the three bits
behind it, so that a bucket is at most 12.5 % wide:

    v = 1 a b c x x x x      bucket = 8 * (bits(v) - 4) + 0b1abc
"""

from collections.abc import Iterable, Mapping

#: Durations beyond 2**42 us (50 days) count as that.
MAX_BITS = 42
_MAX_SHIFT = MAX_BITS - 4
BUCKETS = 8 * _MAX_SHIFT + 16


def bucket_of(us: int) -> int:
    """Number of the bucket for a duration in microseconds; negative durations count as 0."""
    if us < 16:
        return max(us, 0)
    shift = us.bit_length() - 4
    if shift > _MAX_SHIFT:
        return BUCKETS - 1
    return 8 * shift + (us >> shift)


def upper_bound_us(bucket: int) -> int:
    """The first duration, in microseconds, that is too long for the bucket."""
    if bucket < 16:
        return bucket + 1
    shift = bucket // 8 - 1
    return ((bucket - 8 * shift) + 1) << shift


def sum_s(counts: Mapping[int, int]) -> float:
    """About how many seconds they are together: each is taken for the middle of its bucket, 6 % off at most."""
    return sum(count * (_lower_us(bucket) + upper_bound_us(bucket)) / 2 for bucket, count in counts.items()) / 1e6


def _lower_us(bucket: int) -> int:
    return upper_bound_us(bucket - 1) if bucket else 0


class Histogram:
    """Counts per bucket since the last `take`."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS

    def record(self, us: int, times: int = 1) -> None:
        self._counts[bucket_of(us)] += times

    def record_all(self, durations_ns: Iterable[int]) -> None:
        """The same for many, in nanoseconds: `bucket_of` written out, since its calls would be most of the cost."""
        counts = self._counts
        for ns in durations_ns:
            us = ns // 1000
            if us < 16:
                counts[max(0, us)] += 1
            else:
                shift = us.bit_length() - 4
                counts[8 * shift + (us >> shift) if shift <= _MAX_SHIFT else BUCKETS - 1] += 1

    def take(self) -> dict[int, int]:
        """The counts since the last `take`, of the buckets that have any."""
        counts, self._counts = self._counts, [0] * BUCKETS
        return {bucket: count for bucket, count in enumerate(counts) if count}


def merge(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Add bucket counts; percentiles are never averaged."""
    total: dict[int, int] = {}
    for part in parts:
        for bucket, count in part.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def quantile_s(counts: Mapping[int, int], q: float) -> float | None:
    """The duration in seconds that the share `q` (0 to 1) does not exceed; None for an empty histogram."""
    total = sum(counts.values())
    if total == 0:
        return None
    rank = q * total
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return upper_bound_us(bucket) / 1e6
    raise AssertionError("the ranks end within the total")
