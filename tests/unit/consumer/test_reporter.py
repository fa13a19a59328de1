"""A report tells of the topics in which something changed; put together they say what full ones would."""

from types import SimpleNamespace

import pytest

from sylph_mp.consumer.delivery import Failure
from sylph_mp.consumer.reporter import BEATS_PER_REPORT, Reporter
from sylph_mp.shm.vitals import VitalsWriter, read_vitals


class Desk:
    """A reporter of two topics, `orders` and `ordered`, and what it has posted."""

    def __init__(self, segment, buffer, subscribe) -> None:
        self.orders = subscribe()
        self.ordered = subscribe(name="ordered")
        self.ordered.index = 1
        self.posted = []
        self.segment = segment
        idle = SimpleNamespace(size=8, limit=100, busy_ns=lambda now_ns: 0)
        self.reporter = Reporter(
            subscriptions=(self.orders, self.ordered),
            sessions=SimpleNamespace(instances=tuple),
            buffer=buffer,
            pool=idle,
            async_calls=idle,
            vitals=VitalsWriter(segment),
            post=self.posted.append,
        )

    def told(self):
        """By topic, in the next report."""
        self.reporter.report()
        return {topic.topic: topic for topic in self.posted[-1].topics}


@pytest.fixture
def desk(segment, buffer, subscribe):
    return Desk(segment, buffer, subscribe)


def test_the_first_report_has_all_topics_and_then_those_at_rest_are_left_out(desk):
    assert set(desk.told()) == {"orders", "ordered"}
    assert set(desk.told()) == {"orders", "ordered"}  # what counts for a second only is over
    assert desk.told() == {}


def test_what_counts_for_a_second_is_told_to_be_over(desk):
    for _ in range(3):
        desk.told()
    stats = desk.orders.stats
    stats.received += 1
    stats.saw(0, now_ms=5000, messages=1)
    first = desk.told()
    assert set(first) == {"orders"}
    assert first["orders"].age_s == 5.0
    assert first["orders"].oldest_s == 5.0  # as old as it was, not as old as it is by now
    second = desk.told()["orders"]
    assert (second.age_s, second.oldest_s, second.counters) == (None, None, first["orders"].counters)
    assert desk.told() == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda stats: stats.ran([1000], [2000], 2000),
        lambda stats: stats.fail(Failure("Retry", "later", ""), raised=False),
        *(
            lambda stats, name=name: setattr(stats, name, getattr(stats, name) + 1)
            for name in ("started", "acked", "retried", "dead", "failed", "handed_back", "expired", "unshared")
        ),
    ],
)
def test_any_change_is_told_and_stands_in_the_vitals(desk, change):
    for _ in range(3):
        desk.told()
    change(desk.ordered.stats)
    told = desk.told()
    assert set(told) == {"ordered"}
    assert read_vitals(desk.segment).counters["ordered"] == told["ordered"].counters


def test_a_delivery_that_is_held_is_told_once_and_when_it_is_gone(desk, deliver, buffer):
    for _ in range(3):
        desk.told()
    held = deliver(desk.orders, "m1")
    assert desk.told()["orders"].queued == 1
    desk.told()
    assert desk.told() == {}
    buffer.release(held)
    assert desk.told()["orders"].queued == 0


def test_it_beats_four_times_for_each_report(desk):
    for beat in range(1, 2 * BEATS_PER_REPORT + 1):
        desk.reporter.tick(beat * 1_000_000_000)
        assert read_vitals(desk.segment).beat_s == beat
    assert len(desk.posted) == 2
