"""Credit bounds what is held and shares it among receivers."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.consumer.credit import MAX_BATCH, appetite, grant


@given(
    entries=st.integers(-100, 5000),
    size=st.integers(-(1 << 20), 1 << 26),
    frame=st.floats(100, 4e6),
    wanted=st.integers(-1000, 5000),
    sharers=st.integers(0, 300),
)
def test_a_grant_never_exceeds_any_of_its_bounds(entries, size, frame, wanted, sharers):
    batch = grant(free_entries=entries, free_bytes=size, frame_bytes=frame, wanted=wanted, sharers=sharers)
    assert 0 <= batch <= MAX_BATCH
    assert batch <= max(0, entries)
    assert batch <= max(0, wanted)
    assert batch * frame <= max(0, size)


def test_receivers_share_what_is_there():
    assert grant(free_entries=1024, free_bytes=1 << 24, frame_bytes=1024, wanted=40, sharers=4) == 10
    assert grant(free_entries=3, free_bytes=1 << 24, frame_bytes=1024, wanted=40, sharers=8) == 1


def test_slow_handlers_get_two_seconds_of_work_and_never_less_than_one_each():
    assert appetite(capacity=8, run_s=0.1) == 160
    assert appetite(capacity=8, run_s=60.0) == 8


def test_before_the_first_call_one_batch_is_wanted():
    assert appetite(capacity=8, run_s=None) == MAX_BATCH
    assert appetite(capacity=100, run_s=None) == 100
