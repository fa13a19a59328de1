from msgspec.structs import replace

from sylph_mp.control.history import History
from sylph_mp.control.observation import QuietMark
from sylph_mp.control.timeline import MINUTES, SECONDS, Timeline
from tests.unit.control.observed import NOW, counters, observation, report, slot, topic, topic_report


def a_history(*, until=NOW, **grows):
    """Half a minute of one process whose counters grow by so much a second, and that waited 1 ms each."""
    history = History()
    for second in range(31):
        counted = counters(**{name: each * second for name, each in grows.items()})
        at = until - 30 + second
        history.report(1, report(at, topic_report(counters=counted, wait={64: 10}, end={100: 10})))
    return history


def one_point(history, *slots, **changed):
    timeline = Timeline()
    timeline.record(observation(*slots, **changed), history)
    (point,) = timeline.seconds()
    return point


def test_a_point_has_the_numbers_of_the_tables():
    point = one_point(a_history(acked=60, retried=30, dead=10), slot(1, queued=7), slot(2, queued=1))
    assert (point.acked_per_s, point.retried_per_s, point.dead_per_s) == (60.0, 30.0, 10.0)
    assert point.fail_ratio == 0.4
    assert point.rates == {"orders": 60.0}
    assert 0 < point.wait_p99_s < point.end_p99_s
    assert (point.in_flight, point.consumers, point.wanted, point.quiet) == (8, 2, 2, False)


def test_what_nobody_tells_is_unknown():
    silent = slot(1, beat_age_s=20.0, report=report(NOW - 20.0))
    point = one_point(a_history(acked=60), silent)
    assert (point.acked_per_s, point.fail_ratio, point.wait_p50_s, point.end_p99_s) == (None, None, None, None)
    assert point.rates == {}


def test_a_fleet_is_quiet_if_all_its_topics_are():
    mark = QuietMark(since_wall=0.0, by="root")
    assert one_point(History(), slot(1), topics=(topic("orders", quiet=mark), topic("refunds", quiet=mark))).quiet
    assert not one_point(History(), slot(1), topics=(topic("orders", quiet=mark), topic("refunds"))).quiet


def test_a_second_is_kept_once_and_a_minute_at_its_end():
    timeline, history, seen = Timeline(), a_history(acked=60), observation(slot(1))
    for tenth in range(1200):
        timeline.record(replace(seen, now=9_990.0 + tenth / 10), history)
    assert [point.number for point in timeline.seconds()] == list(range(9_990, 10_110))
    assert [point.number for point in timeline.minutes()] == [166, 167, 168]
    assert timeline.newest == 10_109
    assert [point.number for point in timeline.seconds(10_107)] == [10_108, 10_109]


def test_a_point_of_a_minute_has_the_minutes_mean():
    timeline = Timeline()
    history = a_history(until=9_998.0, acked=60)
    timeline.record(observation(slot(1, beat_at=10_019.5), now=10_020.0), history)
    assert timeline.seconds()[0].acked_per_s == 0.0
    assert 30 < timeline.minutes()[0].acked_per_s < 40


def test_what_is_old_is_given_up():
    timeline, seen = Timeline(), observation(slot(1))
    for second in range(90_000):
        if second > 89_000 or second % 60 == 0:
            timeline.record(replace(seen, now=float(second)), History())
    assert len(timeline.seconds()) == SECONDS
    assert len(timeline.minutes()) == MINUTES
