"""What a run of chaos is judged by: each violation is found, and each excuse holds only as far as its fault reaches."""

import pytest

from tests.chaos.records import Call, Faults, Kill, Outage, Sent, Stop, calls_of
from tests.chaos.verdict import judge

LEASE_S = 15.0
P, Q = 1, 2
NO_FAULTS = Faults()


def done(text, began, ended, pid=P):
    return Call(text, pid, began, ended, "done")


def running(text, began, pid=P):
    return Call(text, pid, began)


def judged(calls, faults=NO_FAULTS, sent_at=1.0):
    sent = [Sent(text, sent_at) for text in dict.fromkeys(call.text for call in sorted(calls, key=by_number))]
    return judge(sent, calls, faults, lease_s=LEASE_S)


def by_number(call):
    return int(call.text.rpartition("-")[2])


def test_each_once_is_good():
    verdict = judged([done("n-1", 10, 11), done("g1-0", 10, 11), done("g1-1", 11, 12)])
    assert verdict.good
    assert (verdict.sent, verdict.handled, verdict.calls) == (3, 3, 3)


def test_a_message_without_a_call_is_lost():
    verdict = judge([Sent("n-1", 1.0)], [], NO_FAULTS, lease_s=LEASE_S)
    assert verdict.lost == ["n-1"]
    assert not verdict.good


@pytest.mark.parametrize("last", [running("n-1", 10), Call("n-1", P, 10, 11, "retry")])
def test_a_message_whose_last_call_did_not_do_it_is_lost(last):
    assert judged([last]).lost == ["n-1"]


@pytest.mark.parametrize(
    ("calls", "faults", "by_broker"),
    [
        ([], Faults(kills=[Kill(P, 9.9)], outages=[Outage(13.6, 30)]), True),
        ([], Faults(kills=[Kill(P, 4.9)], outages=[Outage(13.6, 30)]), False),
        ([], Faults(kills=[Kill(P, 10.1)], outages=[Outage(13.6, 30)]), False),
        ([], Faults(kills=[Kill(P, 9.9)], outages=[Outage(17.1, 30)]), False),
        ([], Faults(kills=[Kill(P, 9.9)]), False),
        ([Call("n-1", P, 10, 11, "retry")], Faults(outages=[Outage(16, 30)]), True),
        ([Call("n-1", P, 10, 11, "retry")], Faults(outages=[Outage(18.1, 30)]), False),
        ([Call("n-1", P, 10, 11, "retry"), running("n-1", 12)], Faults(outages=[Outage(16, 30)]), False),
        ([running("n-1", 11)], Faults(kills=[Kill(P, 9.9)], outages=[Outage(13.6, 30)]), False),
    ],
)
def test_only_what_a_killed_broker_was_to_deliver_again_is_lost_by_it(calls, faults, by_broker):
    verdict = judge([Sent("n-1", 10.0)], calls, faults, lease_s=LEASE_S)
    assert (verdict.lost, verdict.lost_by_broker) == (([], ["n-1"]) if by_broker else (["n-1"], []))
    assert verdict.good is by_broker


def test_a_message_that_was_perhaps_not_stored_is_not_missed():
    assert judge([], [done("n-1", 10, 11)], NO_FAULTS, lease_s=LEASE_S).good


def test_a_later_message_of_a_group_before_an_earlier_one_is_found():
    verdict = judged([done("g1-1", 10, 11), done("g1-0", 12, 13)])
    assert len(verdict.disordered) == 1
    assert not verdict.good


def test_order_is_due_within_a_group_only():
    assert judged([done("g1-1", 10, 11), done("g2-0", 12, 13), done("n-1", 14, 15), done("n-0", 16, 17)]).good


def test_a_message_that_ran_while_the_one_before_was_retried_is_found():
    calls = [Call("g1-0", P, 10, 11, "retry"), done("g1-1", 11.2, 11.3), done("g1-0", 12, 13)]
    assert judged(calls).disordered


def test_two_of_a_group_at_once_are_found():
    assert judged([done("g1-0", 10, 12, P), done("g1-0", 11, 13, Q)]).disordered


def test_a_second_run_without_a_fault_is_found():
    verdict = judged([done("n-1", 10, 11), done("n-1", 30, 31, Q)])
    assert len(verdict.unexcused) == 1
    assert not verdict.good


def test_a_retry_is_no_second_run():
    verdict = judged([Call("n-1", P, 10, 11, "retry"), done("n-1", 12, 13)])
    assert verdict.good
    assert verdict.retries == 1
    assert not verdict.excused


@pytest.mark.parametrize(
    ("first", "again", "faults", "why"),
    [
        (running("n-1", 10), 12, Faults(kills=[Kill(P, 11)]), "killed"),
        (done("n-1", 10, 10.95), 12, Faults(kills=[Kill(P, 11)]), "killed"),
        (done("n-1", 10, 10.5), 12, Faults(kills=[Kill(P, 11)]), None),
        (running("n-1", 10), 12, Faults(kills=[Kill(Q, 11)]), None),
        (running("n-1", 11.5), 12, Faults(kills=[Kill(P, 11)]), None),
        (running("n-1", 10), 30, Faults(stops=[Stop(P, 11, 31, killed=True)]), "hung"),
        (running("n-1", 10), 30, Faults(stops=[Stop(Q, 11, 31, killed=True)]), None),
        (done("n-1", 10, 21), 18, Faults(stops=[Stop(P, 11, 20, killed=False)]), "stopped"),
        (done("n-1", 10, 21), 13, Faults(stops=[Stop(P, 11, 20, killed=False)]), None),
        (done("n-1", 10, 15), 18, Faults(stops=[Stop(P, 11, 14, killed=False)]), None),
        (done("n-1", 5, 6), 18, Faults(stops=[Stop(P, 11, 20, killed=False)]), None),
        (done("n-1", 10, 12), 40, Faults(outages=[Outage(11, 25)]), "outage"),
        (done("n-1", 9, 10), 40, Faults(outages=[Outage(11, 25)]), "broker"),
        (done("n-1", 14, 15), 50, Faults(outages=[Outage(31, 45)]), None),
        (done("n-1", 50, 51), 60, Faults(outages=[Outage(11, 25)]), "broker"),
        (done("n-1", 10, 10.8), 30, Faults(kills=[Kill(P, 11)], masters=[12]), "orphaned"),
        (done("n-1", 10, 10.8), 30, Faults(kills=[Kill(P, 11)], masters=[20]), None),
        (done("n-1", 10, 10.8), 30, Faults(masters=[12]), None),
        (running("n-1", 10), 30, Faults(masters=[12]), None),
    ],
)
def test_a_second_run_is_excused_only_by_what_befell_the_first(first, again, faults, why):
    verdict = judged([first, done("n-1", again, again + 1, Q)], faults)
    assert dict(verdict.excused) == ({why: 1} if why else {})
    assert len(verdict.unexcused) == (0 if why else 1)


def test_what_was_sent_after_an_outage_is_not_excused_by_it():
    calls = [done("n-1", 26, 27), done("n-1", 30, 31, Q)]
    assert judged(calls, Faults(outages=[Outage(11, 25)]), sent_at=10).good
    assert judged(calls, Faults(outages=[Outage(11, 25)]), sent_at=25.5).unexcused


def test_a_killed_broker_may_deliver_twice_what_was_out_and_no_oftener():
    outages = Faults(outages=[Outage(31, 45)])
    calls = [done("n-1", began, began + 1) for began in (70, 80, 90)]
    assert judged(calls[:2], outages).excused == {"broker": 1}
    assert len(judged(calls, outages).unexcused) == 1
    assert judged([done("n-1", 13, 14), *calls], outages).excused == {}


def test_each_second_run_needs_its_own_excuse():
    calls = [running("n-1", 10), done("n-1", 12, 13, Q), done("n-1", 20, 21, Q)]
    verdict = judged(calls, Faults(kills=[Kill(P, 11)]))
    assert dict(verdict.excused) == {"killed": 1}
    assert len(verdict.unexcused) == 1


def test_what_was_killed_does_not_overlap_what_runs_after_it():
    calls = [running("g1-0", 10), done("g1-0", 11.1, 12, Q), done("g1-1", 12, 13, Q)]
    assert judged(calls, Faults(kills=[Kill(P, 11)])).good


def test_the_lines_of_a_process_become_its_calls():
    lines = ["begin n-1 7 a 1.5", "begin n-2 7 b 1.6", "retry n-1 7 a 2.5", "begin n-1 7 a 3.0"]
    assert calls_of(lines) == [Call("n-1", 7, 1.5, 2.5, "retry"), Call("n-2", 7, 1.6), Call("n-1", 7, 3.0)]


def test_the_same_message_in_two_threads_at_once_is_two_calls():
    lines = ["begin n-1 7 a 1.5", "begin n-1 7 b 1.6", "done n-1 7 a 2.5", "done n-1 7 b 3.0"]
    assert calls_of(lines) == [done("n-1", 1.5, 2.5, 7), done("n-1", 1.6, 3.0, 7)]


@pytest.mark.parametrize(
    ("faults", "excused"),
    [
        (Faults(kills=[Kill(P, 12)]), True),
        (Faults(kills=[Kill(P, 20)]), False),
        (Faults(kills=[Kill(Q, 12)]), False),
        (Faults(outages=[Outage(9, 25)]), True),
        (NO_FAULTS, False),
    ],
)
def test_a_retry_that_a_fault_hid_may_come_twice_and_no_oftener(faults, excused):
    asked = Call("n-1", P, 10, 11, "retry")
    again = [done("n-1", at, at + 1, 3) for at in (60, 62, 64, 66)]
    assert dict(judged([asked, *again[:2]], faults).excused) == ({"asked twice": 1} if excused else {})
    assert judged([asked, *again], faults).unexcused
