"""Waits grow by the factor, stay below the limit and are spread by jitter."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.config.schema import RetryPolicy
from sylph_mp.consumer.retry_policy import LONGEST_S, delay_s


def test_without_jitter_each_wait_is_factor_times_the_one_before_up_to_the_limit():
    policy = RetryPolicy(first_s=1, factor=2, max_s=10, jitter=0)
    assert [delay_s(policy, attempt, 0.5) for attempt in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@given(attempt=st.integers(1, 100_000), draw=st.floats(0, 1), jitter=st.floats(0, 1))
def test_a_wait_is_within_its_jitter_and_what_the_broker_takes(attempt, draw, jitter):
    policy = RetryPolicy(first_s=1, factor=3, max_s=100_000, jitter=jitter)
    assert 0 <= delay_s(policy, attempt, draw) <= LONGEST_S
