"""Decides whether a message may have run a second time: only if a recorded fault did that to its first run. Pure.

| excuse | what happened |
|---|---|
| killed | it ran when its process was killed, or had ended so shortly before that nobody knew of it yet |
| hung | it ran in a process that stood still until the master killed it |
| stopped | its process stood still, so that nobody renewed the lease |
| outage | the broker was away when it was to be renewed or acked |
| broker | the broker was killed, and hands out again what was received or acked in its last seconds, perhaps twice |
| asked twice | a run before had asked for another, and a fault hid whether the broker knew, so it was told again |
| orphaned | it had ended, its process and then the master was killed, and with them died the knowledge of it |

And if it may have been lost: only by a broker that was killed when it was about to deliver it again. RocketMQ 5.5.0
notes a message as delivered again before it is (apache/rocketmq#10985): `tests/rocketmq/killed_while_reviving.py`.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Literal

from tests.chaos.records import Call, Faults, Kill, Outage, Stop, is_ordered

Excuse = Literal["killed", "hung", "stopped", "outage", "broker", "asked twice", "orphaned"]

#: From a handler's last line until its end is in the in-flight table, on a busy host.
RETURN_S = 0.1
#: From a call's end until the broker has its ack. What is ordered is acked after all that are before it in its queue.
ACK_S = 0.5
ORDERED_ACK_S = 5.0
#: From a call's end until the broker's answer to its retry has come, of a broker that is busy or has just started.
ANSWER_S = 3.0
#: What a broker has not written yet is lost with it; it is to write each second (tests/rocketmq/broker.sh), which
#: becomes seconds on a busy host. Beyond that it goes back to the oldest message that was out: one that is not acked
#: holds back the offset of its queue for ten seconds (RocketMQ 5.5.0, popCkStayBufferTime).
FLUSH_S = 5.0 + 10.0
#: A successor that has not settled its heritage by then would be a fault of its own.
HERITAGE_S = 5.0
#: For so long the polls of a killed process go on taking messages in the broker.
POLL_S = 5.0
#: From a message's being taken by such a poll, or its handler's asking for another run, until it comes again.
AGAIN_S = 7.0
#: Leases are renewed at two thirds, so this share of one is left at least.
LEFT_OF_LEASE = 1 / 3


def excuse(first: Call, again: Call, *, sent_at: float, faults: Faults, lease_s: float) -> Excuse | None:
    """Why a message whose call `first` did not ask for it ran again, `again` being its next call."""
    return next(_excuses(first, again, sent_at, faults, lease_s), None)


def _excuses(first: Call, again: Call, sent_at: float, faults: Faults, lease_s: float) -> Iterator[Excuse]:
    for kill in faults.kills:
        if _ran_at(first, kill) and again.began > kill.at:
            yield "killed"
    for stop in faults.stops:
        if stop.killed and stop.pid == first.pid and _open_at(first, stop.began) and again.began > stop.began:
            yield "hung"
        elif lease_lost_by_stop(first, again, stop, lease_s=lease_s):
            yield "stopped"
    for outage in faults.outages:
        yield from _by_outage(first, again, sent_at, outage, lease_s)
    if _orphaned(first, again, faults):
        yield "orphaned"


def asked_twice(asked: Call, faults: Faults) -> bool:
    """The broker may have got the retry of this call twice; it then delivers the message twice (RocketMQ 5.5.0)."""
    if asked.ended is None or asked.outcome != "retry":
        return False
    deaths = [kill.at for kill in faults.kills if kill.pid == asked.pid]
    deaths += [stop.began for stop in faults.stops if stop.pid == asked.pid]
    deaths += [outage.began for outage in faults.outages]
    away = any(outage.began <= asked.ended <= outage.ended + ANSWER_S for outage in faults.outages)
    return away or any(0 <= at - asked.ended < ANSWER_S for at in deaths)


def lost_by_broker(last: Call | None, sent_at: float, faults: Faults) -> bool:
    """Whether the broker was killed when it was to deliver a message again whose last call is `last`."""
    if last is not None:
        since = last.ended if last.outcome == "retry" else None
    else:
        since = sent_at if any(0 <= sent_at - kill.at < POLL_S for kill in faults.kills) else None
    return since is not None and any(0 <= outage.began - since < AGAIN_S for outage in faults.outages)


def copied(done_at: float, sent_at: float, outage: Outage) -> bool:
    """The message was out when the broker was killed: not done yet, or so shortly before that this was forgotten.

    Such a broker may deliver it twice (RocketMQ 5.5.0): from the offset to which it went back, and by the lease that
    it had noted; whenever consumers come to either.
    """
    return sent_at < outage.ended and done_at > outage.began - FLUSH_S - ACK_S


def lease_lost_by_stop(first: Call, again: Call, stop: Stop, *, lease_s: float) -> bool:
    left_s = lease_s * LEFT_OF_LEASE
    held = first.pid == stop.pid and first.began < stop.ended and _unsettled_at(first, stop.began)
    return held and stop.ended - stop.began > left_s and again.began > stop.began + left_s


def given_out_before(call: Call, sent_at: float, outage: Outage, *, lease_s: float) -> bool:
    """The message may have been with a consumer when the broker died, and this call be of that delivery."""
    return sent_at < outage.ended and call.began < outage.ended + lease_s


def _by_outage(first: Call, again: Call, sent_at: float, outage: Outage, lease_s: float) -> Iterator[Excuse]:
    if again.began < outage.began or not given_out_before(first, sent_at, outage, lease_s=lease_s):
        return
    if first.began < outage.ended and _unsettled_at(first, outage.began):
        yield "outage"
    elif first.ended is None or first.ended > outage.began - FLUSH_S - _ack_s(first):
        yield "broker"


def _orphaned(first: Call, again: Call, faults: Faults) -> bool:
    deaths = chain(faults.kills, (Kill(stop.pid, stop.began) for stop in faults.stops if stop.killed))
    return any(
        first.pid == death.pid
        and again.began > master
        and 0 <= master - death.at < HERITAGE_S + _standing(death, faults)
        for death in deaths
        for master in faults.masters
        if first.ended is not None and 0 <= death.at - first.ended < _ack_s(first)
    )


def _standing(death: Kill, faults: Faults) -> float:
    """How long the process had stood still when it was killed."""
    return sum(stop.ended - stop.began for stop in faults.stops if stop.pid == death.pid and stop.began == death.at)


def _ran_at(call: Call, kill: Kill) -> bool:
    return call.pid == kill.pid and _open_at(call, kill.at)


def _open_at(call: Call, at: float) -> bool:
    return call.began <= at and (call.ended is None or call.ended > at - RETURN_S)


def _unsettled_at(call: Call, at: float) -> bool:
    """Ack and all."""
    return call.ended is None or call.ended > at - _ack_s(call)


def _ack_s(call: Call) -> float:
    return ORDERED_ACK_S if is_ordered(call.text) else ACK_S
