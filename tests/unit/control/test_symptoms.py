from sylph_mp.control.history import History
from sylph_mp.control.observation import QuietMark
from sylph_mp.control.symptoms import symptoms
from sylph_mp.pipe import Shard
from tests.unit.control.observed import (
    NOW,
    acked,
    counters,
    error_count,
    instance,
    observation,
    report,
    running,
    slot,
    topic,
    topic_report,
)


def found(*slots, history=None, **changed):
    return {s.code: s for s in symptoms(observation(*slots, **changed), history or busy())}


def busy():
    """Something of orders was settled just now."""
    history = History()
    history.report(9, acked(NOW - 1, 5))
    return history


def away(since, *, answered_at=None):
    return report(NOW - 0.5, instances=(instance(answered_at=answered_at, failing_since=since),))


def test_a_fleet_that_works_has_none():
    assert found(slot(1), slot(2, running=(running(),))) == {}


def test_a_heartbeat_older_than_five_seconds():
    assert "consumer-hung" not in found(slot(1), slot(2, beat_age_s=4.9))
    hung = found(slot(1), slot(2, beat_age_s=12.0))["consumer-hung"]
    assert hung.sentence == "slot 2 shows no heartbeat for 12 s, kill at 15 s"
    assert found(slot(1), slot(2, beat_age_s=16.0))["consumer-hung"].sentence == "slot 2 shows no heartbeat for 16 s"
    assert (hung.slot, hung.value, hung.threshold, hung.next) == (2, 12.0, 5.0, "sylph status 2")


def test_a_slot_that_waits_for_its_restart_is_not_hung():
    assert found(slot(1), slot(2, beat_age_s=40.0, state="waiting", pid=None)) == {}
    assert found(slot(1), slot(2, beat_age_s=None, state="starting")) == {}


def test_a_handler_beyond_its_limit():
    late = running(started_at=NOW - 97)
    stuck = found(slot(1), slot(2, running=(running(thread=1), late, running(thread=6, started_at=NOW - 40))))
    assert stuck["thread-stuck"].sentence == "slot 2 thread 5: charge runs 1m37s, limit 30 s; 1 more there"
    assert stuck["thread-stuck"].next == "sylph recycle 2"
    assert set(found(slot(1), slot(2, beat_age_s=7.0, running=(late,)))) == {"consumer-hung"}


def test_a_failing_handler_needs_a_share_and_a_number():
    def failing(acks, retries):
        history = History()
        errors = (error_count(retries),)
        history.report(1, report(NOW - 1, topic_report(counters=counters(acked=acks, retried=retries), errors=errors)))
        return found(slot(1), history=history).get("handler-failing")

    assert failing(acks=13, retries=6) is None
    assert failing(acks=95, retries=5) is None
    assert failing(acks=69, retries=31).sentence == "orders fails 31 %, most often LedgerClosed: ledger is closed"


def test_a_broker_that_answers_nobody_for_ten_seconds():
    assert found(slot(1, report=away(NOW - 8))) == {}
    gone = found(slot(1, report=away(NOW - 24)), slot(2, report=away(NOW - 25, answered_at=NOW - 26)))["broker-away"]
    assert gone.sentence == "broker 127.0.0.1:8081 away for 24 s (connection refused)"
    assert (gone.severity, gone.slot) == ("broken", None)


def test_a_broker_that_only_one_consumer_lost():
    fine = report(NOW - 0.5, instances=(instance(),))
    lost = found(slot(1, report=fine), slot(2, report=away(NOW - 24)))["broker-away"]
    assert lost.sentence == "broker 127.0.0.1:8081 from slot 2 away for 24 s (connection refused)"
    assert (lost.severity, lost.slot) == ("degraded", 2)


def test_silent_consumers_say_nothing_of_the_broker():
    old = slot(1, beat_age_s=60.0, report=report(NOW - 60, instances=(instance(failing_since=NOW - 90),)))
    assert "broker-away" not in found(old)


def test_a_slot_in_a_crash_loop():
    lost = slot(2, state="gave-up", pid=None, beat_age_s=None, crashes=5, last_exit="SIGSEGV", shards=())
    given_up = found(slot(1), lost)["crash-loop"]
    assert given_up.sentence == "slot 2 gave up after 5 crashes, the last: SIGSEGV"
    assert given_up.severity == "degraded"
    assert found(lost)["crash-loop"].severity == "broken"


def test_a_topic_with_work_that_settles_nothing():
    queued = report(NOW - 0.5, topic_report(queued=40))
    old = History()
    old.report(1, acked(NOW - 40, 5))
    stalled = found(slot(1, report=queued), history=old)["topic-stalled"]
    assert stalled.sentence == "orders settles nothing: 40 queued"
    assert (stalled.severity, stalled.holds_s) == ("broken", 30.0)
    assert found(slot(1, report=queued)) == {}


def test_a_topic_may_be_idle_slow_or_quiet():
    old = History()
    old.report(1, acked(NOW - 300, 5))
    queued = report(NOW - 0.5, topic_report(queued=40))
    assert found(slot(1), history=old) == {}
    assert found(slot(1, report=queued, running=(running(started_at=NOW - 29),)), history=old) == {}
    quiet = topic(quiet=QuietMark(since_wall=0.0, by="root"))
    assert found(slot(1, report=queued, shards=()), history=old, topics=(quiet,)) == {}


def test_a_topic_that_no_working_consumer_has():
    old = History()
    old.report(1, acked(NOW - 31, 5))
    hung = slot(1, beat_age_s=31.0)
    elsewhere = slot(2, shards=(Shard("refunds", 0),))
    stalled = found(hung, elsewhere, history=old)["topic-stalled"]
    assert stalled.sentence == "orders settles nothing: no consumer of it works"


def test_a_master_that_stops_has_no_problems():
    assert found(slot(1, beat_age_s=12.0), state="stopping") == {}
