from sylph_mp.control.history import History
from sylph_mp.control.observation import CrashLoop, MemoryMark, QuietMark
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
    sending,
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


def test_a_consumer_that_was_recycled_for_memory_is_told_of_for_a_minute():
    def guarded(ago_s, *handlers):
        mark = MemoryMark(at=NOW - ago_s, rss_bytes=1434 << 20, total_bytes=2 << 30, used_ratio=0.96, handlers=handlers)
        return found(slot(1), slot(2, guarded=mark)).get("memory-guard")

    problem = guarded(59.0, "render", "charge")
    assert problem.sentence == "slot 2 recycled for memory: 1.4 GiB of 2.0 GiB, running render, charge"
    assert (problem.severity, problem.slot, problem.value, problem.threshold) == ("degraded", 2, 0.96, 0.95)
    assert guarded(1.0).sentence == "slot 2 recycled for memory: 1.4 GiB of 2.0 GiB"
    assert guarded(60.0) is None


def ageing(*ages, per_s=20):
    """A history of one mean age for each minute, up to the last whole one; the same number acked in each second."""
    history, count = History(), 0
    last = int(NOW / 60) - 1
    for minute, age_s in enumerate(ages, last - len(ages) + 1):
        for second in range(60):
            count += per_s
            told = topic_report(counters=counters(acked=count), age_s=age_s)
            history.report(1, report(60.0 * minute + second, told))
    for second in range(int(NOW) % 60 + 1):
        count += per_s
        history.report(1, report(60.0 * (last + 1) + second, topic_report(counters=counters(acked=count))))
    return history


def behind(*ages, **changed):
    slots = (slot(1, shards=(Shard("orders", 0),)), slot(2), slot(3, state="waiting", pid=None, beat_age_s=None))
    return found(*slots, history=ageing(*ages), **changed).get("backlog-growing")


def test_a_topic_whose_messages_get_older_minute_by_minute_falls_behind():
    problem = behind(50.0, 62.0, 74.0, 86.0, 98.0)
    # 48 s older in 4 minutes: a fifth of what comes is not done, so 25 came for each 20.
    assert problem.sentence == "orders falls behind: oldest 1m38s, grows 5.0/s, 2 of 3 consumers run"
    assert (problem.severity, problem.topic, problem.value, problem.threshold) == ("degraded", "orders", 98.0, 60.0)
    assert problem.next == "sylph autoscale"


def test_how_old_the_oldest_is_comes_from_the_newest_reports():
    newest = report(NOW - 0.5, topic_report(counters=counters(acked=99_999), oldest_s=131.0))
    told = found(slot(1, report=newest), history=ageing(50.0, 62.0, 74.0, 86.0, 98.0))["backlog-growing"]
    assert told.sentence.startswith("orders falls behind: oldest 2m11s, ")
    assert told.value == 131.0


def test_a_topic_that_is_late_but_not_later_each_minute_does_not():
    assert behind(500.0, 500.0, 500.0, 500.0, 500.0) is None
    assert behind(100.0, 110.0, 120.0, 119.0, 130.0) is None
    assert behind(900.0, 700.0, 500.0, 300.0, 100.0) is None


def test_young_messages_and_a_short_look_back_do_not():
    assert behind(10.0, 20.0, 30.0, 40.0, 50.0) is None
    assert behind(110.0, 120.0, 130.0, 140.0) is None


def test_a_topic_at_rest_is_late_on_purpose():
    quiet = topic(quiet=QuietMark(since_wall=0.0, by="root"))
    assert behind(60.0, 70.0, 80.0, 90.0, 100.0, topics=(quiet,)) is None


def test_no_memory_for_a_slot_that_came_after_the_start():
    def full(without, free):
        more = {"slots_without_memory": without, "shm_free_bytes": free, "slot_bytes": 19_188_736}
        return found(slot(1), **more).get("shm-nearly-full")

    problem = full(2, 11 << 20)
    assert problem.sentence == "/dev/shm has 11.0 MiB left, a slot needs 18.3 MiB: cannot grow"
    assert (problem.severity, problem.next) == ("degraded", "sylph config show consumers.buffer")
    assert full(0, 11 << 20) is None
    assert full(1, 19_188_736) is None


def test_a_failing_handler_needs_a_share_and_a_number():
    def failing(acks, retries, handler="charge"):
        history = History()
        errors = (error_count(retries),)
        history.report(1, report(NOW - 1, topic_report(counters=counters(acked=acks, retried=retries), errors=errors)))
        return found(slot(1), history=history, topics=(topic(handler=handler),)).get("handler-failing")

    assert failing(acks=13, retries=6) is None
    assert failing(acks=95, retries=5) is None
    assert failing(acks=69, retries=31).sentence == "charge fails 31 % of orders: LedgerClosed: ledger is closed"
    unknown = failing(acks=69, retries=31, handler=None)
    assert unknown.sentence == "orders fails 31 %: LedgerClosed: ledger is closed"


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
    assert lost.holds_s > 0  # when a broker comes back, somebody is the first to have an answer


def test_silent_consumers_say_nothing_of_the_broker():
    old = slot(1, beat_age_s=60.0, report=report(NOW - 60, instances=(instance(failing_since=NOW - 90),)))
    assert "broker-away" not in found(old)


def test_a_slot_in_a_crash_loop():
    gone = {"state": "gave-up", "pid": None, "beat_age_s": None, "crashes": 9, "last_exit": "SIGSEGV", "shards": ()}
    lost = slot(2, loop=CrashLoop(crashes=5, within_s=12.0), **gone)
    given_up = found(slot(1), lost)["crash-loop"]
    assert given_up.sentence == (
        "slot 2 gave up after 5 crashes in 12 s, the last: SIGSEGV; its shards moved to slot 1"
    )
    assert (given_up.severity, given_up.text) == ("degraded", "slot 2: 5 crashes in 12 s, the last: SIGSEGV")
    assert found(slot(1), lost, slot(3))["crash-loop"].sentence.endswith("; its shards moved to 2 others")
    all_lost = found(lost)["crash-loop"]
    assert (all_lost.severity, all_lost.sentence) == (
        "broken",
        "slot 2 gave up after 5 crashes in 12 s, the last: SIGSEGV",
    )


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


def test_outputs_that_cannot_be_stored():
    refused = sending(error="connection refused", queued=40, in_flight=2)
    unsent = found(slot(1), producers=(refused,))["producer-failing"]
    assert unsent.text == "42 to receipts wait to be stored: connection refused"
    assert unsent.topic == "receipts"
    assert found(slot(1), producers=(sending(queued=40), sending(error="connection refused"))) == {}
