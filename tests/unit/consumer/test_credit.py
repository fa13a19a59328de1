"""Credit bounds what is held and shares it among receivers."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.consumer.credit import MAX_BATCH, appetite, grant, worthwhile


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


@given(capacity=st.integers(1, 1000), run_s=st.floats(0.0001, 1000), fifo=st.booleans())
def test_while_a_receive_is_not_worth_it_enough_is_queued_for_all_that_can_run(capacity, run_s, fifo):
    most = appetite(capacity=capacity, run_s=run_s)
    least = worthwhile(capacity=capacity, appetite=most, fifo=fifo)
    assert 1 <= least <= MAX_BATCH
    queued = most - (least - 1)
    assert queued >= capacity


def test_what_is_queued_in_order_may_wait_for_one_message_so_any_is_worth_a_receive():
    assert worthwhile(capacity=8, appetite=80, fifo=True) == 1
    assert worthwhile(capacity=8, appetite=80, fifo=False) == 32
    assert worthwhile(capacity=8, appetite=8, fifo=False) == 1
