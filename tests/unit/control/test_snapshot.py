import msgspec
from msgspec.structs import replace

from sylph_mp.control.history import History
from sylph_mp.control.observation import MemoryMark
from sylph_mp.control.snapshot import snapshot
from sylph_mp.control.symptoms import symptoms
from sylph_mp.control.watch import Watch
from sylph_mp.pipe import Shard
from tests.unit.control.observed import NOW, acked, counters, instance, observation, report, running, slot, topic_report


def seen(*slots, history=None, **changed):
    observed = observation(*slots, **changed)
    history, watch = history or History(), Watch()
    watch.look(symptoms(observed, history), observed.now)
    return snapshot(observed, history, watch.problems)


def worked(seconds=15):
    """Slot 1 settled 100 a second until half a second ago."""
    history, newest = History(), None
    for second in range(seconds):
        at = NOW - seconds + 0.5 + second
        newest = acked(at, 100 * (second + 1), busy_s=4.0 * second, cpu_s=0.3 * second)
        history.report(1, newest)
    return history, newest


def test_the_object_has_its_schema_first_and_reads_again():
    shown = seen(slot(1))
    encoded = msgspec.json.encode(shown)
    assert encoded.startswith(b'{"schema":"sylph.status/1","at":"2026-03-14T14:06:19.204Z","verdict":"healthy"')
    assert msgspec.json.decode(encoded, type=type(shown)) == shown


def test_numbers_of_a_consumer_that_reports():
    history, newest = worked()
    (shown,) = seen(slot(1, report=newest, queued=9, held=2, running=(running(),)), history=history).slots
    assert (shown.state, shown.rate_per_s, shown.busy_ratio, round(shown.cpu_ratio, 6)) == ("running", 100.0, 0.5, 0.3)
    assert (shown.in_flight, shown.acked, shown.threads, shown.shards) == (12, 1500, 8, ("orders/0",))


def test_stale_vitals_say_nothing_of_now_but_shared_memory_does():
    history, newest = worked()
    newest = msgspec.structs.replace(newest, at=NOW - 4.0)
    calls = (running(), running(thread=1, started_at=NOW - 4.0))
    shown = seen(slot(1, beat_age_s=4.0, report=newest, queued=9, held=2, running=calls), history=history)
    (row,) = shown.slots
    assert (row.rate_per_s, row.busy_ratio, row.cpu_ratio, row.threads, row.buffer_used_bytes) == (None,) * 5
    assert (row.in_flight, row.acked, row.rss_bytes) == (13, 1500, 100 << 20)
    assert [call.thread for call in row.running] == [1, 5]
    (topic,) = shown.topics
    assert (topic.rate_per_s, topic.fail_ratio, topic.queued, topic.held, topic.oldest_s) == (None,) * 5
    assert (topic.acked, topic.running) == (1500, 2)


def test_a_topic_goes_on_being_known_while_another_of_its_consumers_reports():
    history, newest = worked()
    shown = seen(slot(1, report=newest), slot(2, beat_age_s=12.0), history=history)
    assert [row.state for row in shown.slots] == ["running", "hung"]
    assert shown.topics[0].rate_per_s is not None
    assert shown.topics[0].queued is None


def test_before_the_first_report_all_is_unknown():
    shown = seen(slot(1, state="starting", beat_age_s=None), state="starting", started_at=NOW - 1)
    assert shown.topics[0].state == "starting"
    assert shown.topics[0].rate_per_s is None
    assert shown.topics[0].received == 0
    assert shown.slots[0].beat_age_s is None


def test_empty_slots_vanish():
    assert [row.slot for row in seen(slot(1), slot(2, state="empty", pid=None, beat_age_s=None)).slots] == [1]


def test_a_slot_is_guarded_for_a_minute_and_says_for_whom_it_stands_in():
    mark = MemoryMark(at=NOW - 59, rss_bytes=1, total_bytes=2, used_ratio=0.96, handlers=())
    old = replace(mark, at=NOW - 60)
    shown = seen(slot(1, guarded=mark), slot(2, guarded=old), slot(5, stands_in_for=2)).slots
    assert [(each.guarded, each.stands_in_for) for each in shown] == [(True, None), (False, None), (False, 2)]


def test_states_of_topics():
    def state(*slots, history=None, **changed):
        return seen(*slots, history=history, **changed).topics[0].state

    lost = report(NOW - 0.5, instances=(instance(answered_at=None, failing_since=NOW - 24),))
    failing = History()
    failing.report(1, report(NOW - 1, topic_report(counters=counters(acked=50, retried=50))))
    assert state(slot(1)) == "running"
    assert state(slot(1, report=lost)) == "away"
    assert state(slot(1), history=failing) == "failing"
    assert state(slot(1, state="waiting", pid=None, beat_age_s=None)) == "starting"
    assert state(slot(1, shards=(Shard("refunds", 0),))) == "away"


def test_instances_are_those_that_topics_name():
    lost = report(NOW - 0.5, instances=(instance(answered_at=NOW - 20, failing_since=NOW - 18),))
    (row,) = seen(slot(1, report=lost)).instances
    assert (row.name, row.state, row.tries, row.error) == ("default", "away", 9, "connection refused")
    assert row.since == "2026-03-14T14:05:59.204Z"
    (row,) = seen(slot(1, beat_age_s=8.0)).instances
    assert (row.state, row.tries) == ("unknown", None)


def test_topics_of_a_fleet_that_stops_are_quiet_and_no_broker_is_blamed():
    assert seen(slot(1, state="draining", shards=()), state="stopping").topics[0].state == "quiet"


def test_a_topic_that_falls_behind_says_so_in_its_state():
    history, last = History(), int(NOW / 60) - 1
    for minute in range(5):
        told = topic_report(counters=counters(acked=minute), age_s=70.0 + minute)
        history.report(1, report(60.0 * (last - 4 + minute), told))
    history.report(1, acked(NOW - 1, 5))
    assert seen(slot(1), history=history).topics[0].state == "behind"
    assert seen(slot(1, beat_age_s=60.0), history=history).topics[0].state == "away"


def test_an_instance_that_is_away_has_the_end_of_its_first_lease():
    lost = report(NOW - 0.5, instances=(instance(answered_at=NOW - 24.0, failing_since=NOW - 23.0),))
    (shown,) = seen(slot(1, report=lost, held=3), leases_end={"default": NOW + 20.0}).instances
    assert (shown.state, shown.leases_end) == ("away", "2026-03-14T14:06:39.204Z")
    assert seen(slot(1)).instances[0].leases_end is None
