"""Many durations recorded at once count as each of them alone does."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.histogram import BUCKETS, Histogram

#: Beyond the last bucket (50 days) and below zero (clocks that differ) as well.
DURATIONS_NS = st.integers(-(10**9), 2**60)


@given(st.lists(DURATIONS_NS, max_size=40))
def test_all_at_once_is_one_after_the_other(durations_ns):
    together, alone = Histogram(), Histogram()
    together.record_all(durations_ns)
    for ns in durations_ns:
        alone.record(ns // 1000)
    counts = together.take()
    assert counts == alone.take()
    assert all(0 <= bucket < BUCKETS for bucket in counts)
    assert sum(counts.values()) == len(durations_ns)
