from sylph_mp.control.symptoms import Symptom
from sylph_mp.control.watch import Watch


def symptom(*, began=None, holds_s=0.0, clears_s=0.0, value=0.5):
    return Symptom(
        code="handler-failing",
        topic="orders",
        began=began,
        value=value,
        threshold=0.1,
        sentence="",
        text="",
        next="",
        holds_s=holds_s,
        clears_s=clears_s,
    )


def test_it_remembers_since_when_and_shows_the_newest():
    watch = Watch()
    watch.look([symptom(value=0.2)], 100.0)
    watch.look([symptom(value=0.3)], 110.0)
    (problem,) = watch.problems
    assert (problem.since, problem.symptom.value) == (100.0, 0.3)


def test_a_symptom_may_know_better_since_when():
    watch = Watch()
    watch.look([symptom(began=88.0)], 100.0)
    assert watch.problems[0].since == 88.0


def test_what_is_over_stays_for_its_time():
    watch = Watch()
    watch.look([symptom(clears_s=60.0)], 100.0)
    watch.look([], 130.0)
    assert watch.problems[0].over_since == 130.0
    watch.look([], 189.0)
    assert watch.problems[0].over_since == 130.0
    watch.look([], 190.0)
    assert watch.problems == ()


def test_what_comes_back_in_that_time_was_never_over():
    watch = Watch()
    watch.look([symptom(clears_s=60.0)], 100.0)
    watch.look([], 130.0)
    watch.look([symptom(clears_s=60.0)], 150.0)
    (problem,) = watch.problems
    assert (problem.since, problem.over_since) == (100.0, None)


def test_what_needs_no_time_goes_at_once():
    watch = Watch()
    watch.look([symptom()], 100.0)
    watch.look([], 101.0)
    assert watch.problems == ()


def test_what_has_to_hold_is_no_problem_before():
    watch = Watch()
    for now in (100.0, 129.0):
        watch.look([symptom(holds_s=30.0)], now)
        assert watch.problems == ()
    watch.look([symptom(holds_s=30.0)], 130.0)
    assert watch.problems[0].since == 100.0


def test_what_has_to_hold_does_so_from_the_first_look_on_whenever_it_began():
    watch = Watch()
    watch.look([symptom(began=70.0, holds_s=5.0)], 100.0)
    assert watch.problems == ()
    watch.look([symptom(began=70.0, holds_s=5.0)], 105.0)
    assert watch.problems[0].since == 70.0


def test_what_did_not_last_begins_anew():
    watch = Watch()
    watch.look([symptom(holds_s=30.0, clears_s=60.0)], 100.0)
    watch.look([], 120.0)
    watch.look([symptom(holds_s=30.0)], 121.0)
    watch.look([symptom(holds_s=30.0)], 140.0)
    assert watch.problems == ()
