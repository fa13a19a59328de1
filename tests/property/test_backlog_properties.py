"""What a backlog says to the autoscaler: nothing of what is not rising, and nothing where processes cannot help."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.master.autoscaler import GROW_FROM, RISING_BUSY, Autoscaler, Pace
from sylph_mp.master.scaling_backlog import RISES, BacklogMeter
from sylph_mp.master.scaling_signals import BacklogSignal
from tests.unit.master.autoscaled import Steady, bounds

COUNTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=12)
#: A second's messages of one consumer at rest; 8 threads do 160 of 50 ms.
MOST = 160


def measured(counts: list[int], *, since: float = 0.0) -> list[float]:
    """What is made of each count; one comes every 5 s."""
    meter = BacklogMeter()
    looks = [[BacklogSignal("orders", 100.0 + 5.0 * at, count)] for at, count in enumerate(counts)]
    return [meter.measure(look, since=since).get("orders", 0.0) for look in looks]


@given(COUNTS)
def test_it_rises_only_by_what_each_of_the_last_counts_has_seen(counts):
    for at, per_s in enumerate(measured(counts)):
        last = counts[max(0, at - RISES) : at + 1]
        steps = [after - before for before, after in pairwise(last)]
        assert per_s == (max(0.0, min(steps) / 5.0) if len(steps) == RISES else 0.0)


@given(COUNTS, st.integers(1, 100_000))
def test_how_much_waits_does_not_matter(counts, more):
    assert measured(counts) == measured([count + more for count in counts])


@given(COUNTS)
def test_the_same_count_seen_again_is_no_news(counts):
    meter, last = BacklogMeter(), 0.0
    for at, count in enumerate(counts):
        seen = [meter.measure([BacklogSignal("orders", float(at), count)], since=0.0) for _ in range(5)]
        assert seen == seen[:1] * 5
        last = seen[0].get("orders", 0.0)
    assert last >= 0


@given(COUNTS, st.integers(0, 12))
def test_counts_of_before_a_change_are_forgotten(counts, first):
    assert measured(counts, since=100.0 + 5.0 * first)[: first + RISES] == [0.0] * min(first + RISES, len(counts))


def decisions(busy_ratio: float, cpu: float, rises: list[int] | None) -> list[tuple[int, int]]:
    """The sizes wished for while a fleet is so busy and its backlog rises by so much each 5 s; None: not told."""
    fleet = Steady(Autoscaler(pace=Pace()), bounds((1, 16)))
    done, waiting, sizes = busy_ratio * MOST, 0, []
    for rise in rises if rises is not None else [0] * 12:
        waiting += rise
        told = (BacklogSignal("orders", fleet.now, waiting),) if rises is not None else ()
        looks = fleet.go_on(5, fleet_has={"backlogs": told}, busy=8 * busy_ratio, cpu=cpu, done=done, comes=done)
        sizes += [(look.consumers, look.threads) for look in looks]
    return sizes


RISING = st.lists(st.integers(0, 100_000), min_size=12, max_size=12)


@given(st.floats(0.0, RISING_BUSY - 0.01), st.floats(0.0, RISING_BUSY - 0.01), RISING)
def test_where_consumers_are_not_busy_it_changes_nothing(busy_ratio, cpu, rises):
    assert decisions(busy_ratio, cpu, rises) == decisions(busy_ratio, cpu, None)


@given(st.floats(RISING_BUSY + 0.01, GROW_FROM - 0.01), st.integers(800, 10_000))
def test_where_they_are_busy_a_backlog_that_rises_makes_the_fleet_grow_to_what_comes(busy_ratio, rise):
    assert {consumers for consumers, _ in decisions(busy_ratio, 0.05, None)} == {1}
    grown = decisions(busy_ratio, 0.05, [rise] * 12)[-1][0]
    comes = busy_ratio * MOST + rise / 5
    assert 1 < grown <= min(16, comes / (0.75 * MOST) + 1)


@given(st.floats(RISING_BUSY + 0.01, GROW_FROM - 0.01), st.lists(st.integers(-10_000, 0), min_size=12, max_size=12))
def test_what_is_worked_off_does_not(busy_ratio, falls):
    assert decisions(busy_ratio, 0.05, falls) == decisions(busy_ratio, 0.05, None)
