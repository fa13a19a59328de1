"""A call is told to end at its limit, given up after its grace, and not blamed for a process that stood still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.consumer.overtime import STANDSTILL_NS, Attendance, grace_s, next_step
from sylph_mp.consumer.ticker import TICK_S

TICK_NS = 250_000_000
S = 1_000_000_000


@pytest.mark.parametrize(
    ("ran_s", "interrupted_at_s", "step"),
    [
        (29.9, None, "wait"),
        (30.0, None, "interrupt"),
        (34.9, 30.1, "wait"),
        (35.1, 30.1, "give-up"),
    ],
)
def test_the_steps_of_a_limit_of_30_s(ran_s: float, interrupted_at_s: float | None, step: str):
    assert next_step(ran_s=ran_s, limit_s=30, interrupted_at_s=interrupted_at_s) == step


@given(st.floats(2, 43_200))
def test_a_call_is_given_up_within_twice_its_limit(limit_s: float):
    """Each of the two looks may come a tick late, and half a second is left for the process's end."""
    assert limit_s + grace_s(limit_s) + 2 * TICK_S <= 2 * limit_s


@given(st.floats(0.1, 43_200))
def test_there_is_a_second_to_clean_up_and_no_more_than_five(limit_s: float):
    assert 1 <= grace_s(limit_s) <= 5


def attended(*times_s: float) -> Attendance:
    attendance = Attendance(tick_ns=TICK_NS)
    for at_s in times_s:
        attendance.tick(int(at_s * S))
    return attendance


def test_time_passes_while_ticks_come():
    attendance = attended(10.0, 10.25, 10.5, 10.8)
    assert attendance.ran_ns(9 * S, 12 * S) == 3 * S


def test_a_standstill_is_nobodys_run_time():
    attendance = attended(10.0, 30.25, 30.5)
    assert attendance.ran_ns(9 * S, 31 * S) == 2 * S
    assert attendance.ran_ns(int(30.25 * S), 31 * S) == int(0.75 * S)
    assert attendance.ran_ns(20 * S, 31 * S) == int(0.75 * S)


@given(st.lists(st.floats(0.2, STANDSTILL_NS / S), max_size=20))
def test_a_busy_process_does_not_stand_still(steps_s: list[float]):
    times = [0.0]
    for step_s in steps_s:
        times.append(times[-1] + step_s)
    assert attended(*times).ran_ns(0, int(times[-1] * S)) == int(times[-1] * S)
