from datetime import UTC

from sylph_mp.control.history import History
from sylph_mp.control.observation import QuarantineMark, QuietMark
from sylph_mp.control.symptoms import symptoms
from sylph_mp.control.verdict import judge
from sylph_mp.control.watch import Watch
from sylph_mp.histogram import Histogram
from tests.unit.control.observed import (
    NOW,
    WALL,
    acked,
    counters,
    instance,
    observation,
    report,
    running,
    slot,
    topic,
    topic_report,
)


def judged(*slots, history=None, watch=None, **changed):
    seen = observation(*slots, **changed)
    history, watch = history or History(), watch or Watch()
    watch.look(symptoms(seen, history), seen.now)
    return judge(seen, history, watch.problems, zone=UTC)


def test_a_fleet_at_work():
    history = History()
    ends = Histogram()
    ends.record(80_000)
    for second in range(21):
        counts = counters(acked=1560 * second)
        history.report(1, report(NOW - 20 + second, topic_report(counters=counts, end=ends.take())))
    verdict = judged(slot(1), slot(2), history=history)
    assert verdict.word == "healthy"
    assert verdict.sentence == (
        "orders-service on web-17 settles 1.56k/s with 2 consumers; 99 % end within 82 ms of being stored."
    )


def test_a_fleet_without_work():
    assert judged(slot(1)).sentence == "orders-service on web-17 waits for messages with 1 consumer."


def test_a_fleet_that_starts_or_stops():
    starting = judged(slot(1, state="starting", beat_age_s=None), slot(2), state="starting", started_at=NOW - 1)
    assert starting.sentence == "orders-service on web-17 is starting: 1 of 2 consumers run."
    stopping = judged(slot(1, state="draining", queued=30, running=(running(),)), state="stopping")
    assert stopping.sentence == "orders-service on web-17 is stopping: 31 in flight."


def test_the_worst_comes_first_and_the_others_are_counted():
    stuck = slot(2, running=(running(started_at=NOW - 97),))
    verdict = judged(slot(1), stuck, slot(3, beat_age_s=12.0))
    assert verdict.word == "degraded"
    assert verdict.sentence == "slot 3 shows no heartbeat for 12 s, kill at 15 s; 1 more problem"
    assert [problem.code for problem in verdict.problems] == ["consumer-hung", "thread-stuck"]
    assert verdict.problems[0].since == "2026-03-14T14:06:07.204Z"


def test_a_broker_away_says_what_does_not_run():
    lost = report(NOW - 0.5, instances=(instance(answered_at=None, failing_since=NOW - 24),))
    verdict = judged(slot(1, report=lost), started_at=NOW - 25)
    assert verdict.word == "broken"
    assert verdict.sentence == "broker 127.0.0.1:8081 away for 24 s (connection refused): no topic runs"
    other = judged(slot(1, report=lost), topics=(topic(), topic("refunds", instance="eu")), started_at=NOW - 25)
    assert other.sentence == "broker 127.0.0.1:8081 away for 24 s (connection refused): orders does not run"


def test_what_is_over_breaks_nothing_and_says_so():
    watch = Watch()
    lost = report(NOW - 0.5, instances=(instance(answered_at=None, failing_since=NOW - 24),))
    judged(slot(1, report=lost), watch=watch, started_at=NOW - 25)
    watch.look([], NOW)
    back = report(NOW + 2, instances=(instance(answered_at=NOW + 2),))
    verdict = judged(slot(1, beat_at=NOW + 2, report=back), watch=watch, now=NOW + 3, started_at=NOW - 25)
    assert verdict.word == "degraded"
    assert verdict.sentence == "default: away for 24 s (connection refused), over since 3 s"


def test_quiet_by_an_operator_is_a_note():
    mark = QuietMark(since_wall=WALL - 7_800, by="root")
    verdict = judged(slot(1, state="quiet", since=NOW - 60), topics=(topic("fleet", quiet=mark), topic()))
    assert verdict.word == "healthy"
    assert verdict.sentence == "fleet is quiet since 11:56 by root; 1 more note"
    assert [note.text for note in verdict.notes] == [
        "fleet is quiet since 11:56 (2h10m) by root",
        "slot 1 is quiet since 14:05 (1m0s)",
    ]
    assert [note.next for note in verdict.notes] == ["sylph start topic:fleet", "sylph start 1"]


def test_a_quiet_fleet_is_one_note():
    mark = QuietMark(since_wall=WALL - 60, by="root")
    verdict = judged(slot(1, state="quiet"), topics=(topic(quiet=mark), topic("refunds", quiet=mark)))
    assert [(note.code, note.text, note.next) for note in verdict.notes] == [
        ("fleet-quiet", "the fleet is quiet since 14:05 (1m0s) by root", "sylph start fleet")
    ]


def test_what_is_in_quarantine_is_a_note():
    one = judged(slot(1), quarantine=QuarantineMark(messages=1, since_wall=WALL - 362))
    assert (one.word, one.sentence) == ("healthy", "1 message is in quarantine since 14:00")
    [note] = one.notes
    assert (note.text, note.next) == ("1 message is in quarantine since 14:00 (6m2s)", "sylph quarantine ls")
    mark = QuietMark(since_wall=WALL - 60, by="root")
    more = judged(
        slot(1), topics=(topic(quiet=mark),), quarantine=QuarantineMark(messages=1_200, since_wall=WALL - 90_000)
    )
    assert more.sentence == "orders is quiet since 14:05 by root; 1 more note"
    assert more.notes[1].sentence == "1,200 messages are in quarantine since 2026-03-13 13:06"


def test_what_did_not_fit_into_the_buffer_is_a_note_until_ten_minutes_after_the_last():
    history = History()
    for ago, unshared in ((1_300, 7), (601, 9), (10, 10)):
        history.report(1, report(NOW - ago, topic_report(counters=counters(received=100, unshared=unshared))))
    [note] = judged(slot(1), history=history).notes
    assert (note.code, note.topic, note.next) == ("unshared", "orders", "sylph config show consumers.buffer")
    what = "3 messages of orders did not fit into the buffer since 13:56"
    assert note.text == f"{what} (10m1s): a crash leaves what does not fit to the broker"
    assert judged(slot(1), history=history, now=NOW + 589).notes
    assert not judged(slot(1), history=history, now=NOW + 590).notes


def test_how_long_a_handler_fails_is_told_by_the_watch():
    history, watch = History(), Watch()
    for second in range(-100, 1):
        failing = acked(NOW + second, 0)
        failing.topics[0].counters.update(retried=50 * (second + 101))
        history.report(1, failing)
        seen = observation(slot(1), now=NOW + second)
        watch.look(symptoms(seen, history), NOW + second)
    verdict = judge(observation(slot(1)), history, watch.problems, zone=UTC)
    assert verdict.problems[0].text == "orders: 100 % of 50/s, 1m40s"
