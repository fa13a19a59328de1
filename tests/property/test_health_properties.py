"""A consumer that beats is left alone; a silent one is named after 5 s, killed after 15 s or for a late call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.control.facts import HUNG_S, KILL_S
from sylph_mp.master.health import STACKS_S, Alive, Call, Hung, Kill, Signs, Verdict, judge

times = st.floats(0, 1e6)


@given(forked=times, boot=st.floats(0, 100), silent=st.floats(0, 100))
def test_silence_is_measured_from_the_last_sign_of_life(forked: float, boot: float, silent: float) -> None:
    beat = forked + boot
    signs = Signs(forked_at=forked, booted_at=forked, beat_at=beat)
    verdict = judge(signs, beat + silent, boot_s=60, watching_since=0.0)
    heard = beat + silent - beat
    expected = Kill if heard > KILL_S else Hung if heard > HUNG_S else Alive
    assert isinstance(verdict, expected)


@given(signs=st.builds(Signs, forked_at=times, booted_at=st.none() | times, beat_at=st.none() | times), now=times)
def test_a_master_that_has_just_resumed_condemns_nobody(signs: Signs, now: float) -> None:
    assert judge(signs, now, boot_s=60, watching_since=now) == Alive()


@pytest.mark.parametrize(("age", "verdict"), [(59.0, Alive()), (61.0, Kill("boot", 61.0))])
def test_a_boot_has_its_own_limit_and_needs_no_heartbeat(age: float, verdict: Alive | Kill) -> None:
    signs = Signs(forked_at=100.0, booted_at=None, beat_at=None)
    assert judge(signs, 100.0 + age, boot_s=60, watching_since=0.0) == verdict


def silent_with_a_call(silent_s: float, limit_s: float) -> Verdict:
    """The interpreter is held since the call began."""
    call = Call(started_at=100.0, limit_s=limit_s)
    signs = Signs(forked_at=0.0, booted_at=1.0, beat_at=100.0, calls=[call])
    return judge(signs, 100.0 + silent_s, boot_s=60, watching_since=0.0)


@given(limit_s=st.floats(4, 43_200))
def test_a_call_that_holds_the_interpreter_is_ended_within_twice_its_limit(limit_s: float) -> None:
    """Nothing but the kill itself is left to do in the last half second; a pass takes place every 0.2 s."""
    assert isinstance(silent_with_a_call(2 * limit_s - 0.5, limit_s), Kill)


@given(limit_s=st.floats(0.1, 43_200), silent_s=st.floats(0, HUNG_S + STACKS_S))
def test_there_is_a_second_for_the_stacks(limit_s: float, silent_s: float) -> None:
    assert not isinstance(silent_with_a_call(silent_s, limit_s), Kill)


@given(limit_s=st.floats(10, 43_200), silent_s=st.floats(HUNG_S + 0.01, KILL_S))
def test_a_call_within_its_limit_hurries_nobody(limit_s: float, silent_s: float) -> None:
    assert isinstance(silent_with_a_call(silent_s, limit_s), Hung)


def test_a_consumer_that_beats_is_left_alone_whatever_its_calls_do() -> None:
    signs = Signs(forked_at=0.0, booted_at=1.0, beat_at=1000.0, calls=[Call(started_at=2.0, limit_s=1.0)])
    assert judge(signs, 1001.0, boot_s=60, watching_since=0.0) == Alive()
