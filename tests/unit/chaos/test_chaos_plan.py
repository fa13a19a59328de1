"""Which faults a seed gives: the same each time, of every kind, and none that gives up a slot."""

from itertools import accumulate, islice

from tests.chaos.plan import DECK, WINDOW_S, faults, is_deadly

DECK_SIZE = sum(times for times, _, _ in DECK)


def planned(seed, number=DECK_SIZE):
    return list(islice(faults(seed, least=2, most=4), number))


def test_a_seed_gives_the_same_faults_again():
    assert planned(7) == planned(7)
    assert planned(7) != planned(8)


def test_every_kind_comes_in_each_round():
    assert {fault.kind for fault in planned(3)} == {kind for _, kind, _ in DECK}


def test_faults_fall_on_consumers_that_are_wanted():
    for seed in range(20):
        wanted = 2
        for fault in planned(seed, 100):
            if fault.kind == "scale":
                assert fault.wanted != wanted
                assert 2 <= fault.wanted <= 4
                wanted = fault.wanted
            elif fault.kind in ("kill", "stop"):
                assert 1 <= fault.slot <= wanted


def test_no_slot_dies_so_often_that_it_is_given_up():
    for seed in range(20):
        plan = planned(seed, 200)
        times = list(accumulate(fault.after_s for fault in plan))
        deaths = [(at + fault.lasts_s, fault.slot) for at, fault in zip(times, plan, strict=True) if is_deadly(fault)]
        for at, slot in deaths:
            assert sum(other == slot and 0 <= at - then < WINDOW_S for then, other in deaths) < 5
