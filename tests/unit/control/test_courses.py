"""What a topic settled in each of the last minutes, for the sparklines of `sylph status TOPIC`."""

from msgspec.structs import replace

from sylph_mp.control.courses import MINUTES, Courses
from sylph_mp.control.history import History
from sylph_mp.control.snapshot import snapshot
from tests.unit.control.observed import counters, observation, report, slot, topic, topic_report

#: A minute begins.
BEGIN = 9_960.0


class World:
    """One process whose counters grow by so much a second; the master looks once a second."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.history, self.courses = History(), Courses()
        self._totals = dict.fromkeys(("acked", "retried"), 0)

    def observed(self, **changed):
        there = replace(slot(1), beat_at=self.now, report=report(self.now))
        return replace(observation(there, **changed), now=self.now)

    def work(self, seconds, *, looks=True, **grows):
        for _ in range(seconds):
            self.now += 1
            for name, each in grows.items():
                self._totals[name] += each
            self.history.report(1, report(self.now, topic_report(counters=counters(**self._totals))))
            if looks:
                self.look()

    def look(self, **changed):
        self.courses.record(self.observed(**changed), self.history)

    def course(self, name="orders"):
        return self.courses.of(name)


def test_each_minute_has_its_mean_once_it_is_over():
    world = World()
    world.look()
    world.work(59, acked=60)
    assert world.course().rates_per_s == ()
    world.work(1, acked=60)
    world.work(60, acked=60, retried=20)
    first, second = world.course().rates_per_s
    assert (first, second) == (60.0, 60.0)
    assert world.course().fail_ratios[0] == 0.0
    assert 0.24 < world.course().fail_ratios[1] <= 0.25


def test_no_more_is_kept_than_is_shown():
    world = World()
    world.work(60 * (MINUTES + 3), acked=7)
    assert world.course().rates_per_s == (7.0,) * MINUTES


def test_what_nobody_told_is_a_gap_and_what_did_not_come_is_0():
    world = World()
    world.work(60, acked=60)
    world.work(120)
    assert (world.course().rates_per_s[-1], world.course().fail_ratios[-1]) == (0.0, None)
    world.now += 60
    silent = replace(slot(1), beat_at=world.now - 20, report=report(world.now - 20))
    world.courses.record(replace(observation(silent), now=world.now), world.history)
    assert (world.course().rates_per_s[-1], world.course().fail_ratios[-1]) == (None, None)


def test_minutes_in_which_nobody_looked_are_gaps():
    world = World()
    world.work(61, acked=60)
    world.work(120, looks=False, acked=60)
    world.look()
    assert world.course().rates_per_s == (60.0, None, 60.0)


def test_a_topic_that_is_configured_no_more_is_forgotten_and_one_that_never_came_is_unknown():
    world = World()
    world.work(61, acked=60)
    world.work(60, looks=False)
    world.look(topics=(topic("refunds"),))
    assert world.course().rates_per_s == ()
    assert world.course("refunds").rates_per_s == (None,)


def test_the_status_has_it():
    world = World()
    world.work(120, acked=60)
    (shown,) = snapshot(world.observed(), world.history, (), courses=world.courses).topics
    assert shown.minute_rates_per_s == world.course().rates_per_s != ()
    assert shown.minute_fail_ratios == world.course().fail_ratios
