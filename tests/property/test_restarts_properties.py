"""A crash loop always ends, a slot that lives long is always restarted, and no wait is longer than a minute."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.master.restarts import MAX_DELAY_S, GiveUp, Restart, Rules, after_death

rules = st.builds(Rules, window_s=st.floats(1, 600), most=st.integers(2, 20), second_delay_s=st.floats(0.01, 5))
lives = st.lists(st.floats(0, 300), min_size=1, max_size=40)


@given(rules, lives)
def test_waits_grow_within_a_loop_and_never_exceed_the_limit(rules: Rules, lives: list[float]) -> None:
    now, deaths = 0.0, list[float]()
    for life in lives:
        now += life
        deaths.append(now)
        match after_death(deaths, now, rules=rules):
            case Restart(at=at):
                assert now <= at <= now + MAX_DELAY_S
                now = at
            case GiveUp(deaths=count):
                assert count >= rules.most
                assert deaths[-rules.most] > now - rules.window_s
                return


@given(rules)
def test_dying_at_once_each_time_ends_at_the_limit(rules: Rules) -> None:
    deaths = [0.0] * rules.most
    assert after_death(deaths, 0.0, rules=rules) == GiveUp(deaths=rules.most)


@given(rules, st.integers(1, 50))
def test_dying_less_often_than_the_window_is_restarted_at_once(rules: Rules, count: int) -> None:
    deaths = [number * 1.01 * rules.window_s for number in range(count)]
    assert after_death(deaths, deaths[-1], rules=rules) == Restart(at=deaths[-1])


def test_the_waits_of_a_loop() -> None:
    waits = [after_death([0.0] * count, 0.0, rules=Rules()) for count in range(1, 6)]
    assert waits == [Restart(0.0), Restart(0.5), Restart(1.0), Restart(2.0), GiveUp(5)]
