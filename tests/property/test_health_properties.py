"""A consumer that beats is left alone; a silent one is named after 5 s and killed after 15 s."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.control.facts import HUNG_S, KILL_S
from sylph_mp.master.health import Alive, Hung, Kill, Signs, judge

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
