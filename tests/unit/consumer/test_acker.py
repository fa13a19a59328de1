"""Acks wait for each other as long as that keeps few of them waiting."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.consumer.acker import LINGER_S, MAX_LINGER_S, linger_s


@given(run_s=st.floats(0, 1000), threads=st.integers(1, 256))
def test_behind_slow_handlers_no_more_acks_wait_than_threads_run(run_s, threads):
    waits_s = linger_s(run_s)
    assert LINGER_S <= waits_s <= MAX_LINGER_S
    if waits_s > LINGER_S:
        assert threads / run_s * waits_s <= threads
