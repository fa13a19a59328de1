"""Judges a run by its records: nothing lost, order within groups, no message run twice without an excuse. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter

from msgspec import Struct

from tests.chaos.excuses import (
    Excuse,
    asked_twice,
    copied,
    excuse,
    given_out_before,
    lease_lost_by_stop,
    lost_by_broker,
)
from tests.chaos.records import Call, Faults, Sent, group_of, is_ordered

#: Clocks are read before and after what they time.
TOLERANCE_S = 0.001
_began = attrgetter("began")


class Verdict(Struct, frozen=True, kw_only=True):
    sent: int
    handled: int
    """Messages of those sent with a call that ended with `done`."""
    calls: int
    retries: int
    """Calls that asked to be tried again."""
    excused: Counter[Excuse]
    """Second runs by what they came of."""
    lost: list[str]
    lost_by_broker: list[str]
    """Not in `lost`."""
    disordered: list[str]
    unexcused: list[str]
    """Second runs that no fault explains."""

    @property
    def good(self) -> bool:
        return not (self.lost or self.disordered or self.unexcused)


def judge(sent: Sequence[Sent], calls: Sequence[Call], faults: Faults, *, lease_s: float) -> Verdict:
    """`calls` may have messages that are not in `sent`: of those nobody knows whether they were stored."""
    by_text: defaultdict[str, list[Call]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: call.began):
        by_text[call.text].append(call)
    done = {text for text, each in by_text.items() if any(call.outcome == "done" for call in each)}
    sent_at = {message.text: message.at for message in sent}
    excused, unexcused = _second_runs(by_text, sent_at, faults, lease_s)
    lost = [message for message in sent if message.text not in done]
    by_broker = {
        message.text
        for message in lost
        if lost_by_broker(max(by_text.get(message.text, ()), key=_began, default=None), message.at, faults)
    }
    return Verdict(
        sent=len(sent),
        handled=sum(message.text in done for message in sent),
        calls=len(calls),
        retries=sum(call.outcome == "retry" for call in calls),
        excused=excused,
        lost=[message.text for message in lost if message.text not in by_broker],
        lost_by_broker=sorted(by_broker),
        disordered=_disordered(by_text, sent, sent_at, faults, lease_s),
        unexcused=unexcused,
    )


def _second_runs(
    by_text: Mapping[str, Sequence[Call]], sent_at: Mapping[str, float], faults: Faults, lease_s: float
) -> tuple[Counter[Excuse], list[str]]:
    excused: Counter[Excuse] = Counter()
    unexcused = []
    for text, calls in by_text.items():
        asked: Call | None = None
        at = sent_at.get(text, 0.0)
        done_at = min((call.ended for call in calls if call.outcome == "done" and call.ended), default=float("inf"))
        copies = [each for each in faults.outages if copied(done_at, at, each)]
        for first, again in pairwise(calls):
            if first.outcome == "retry" and first.ended is not None and first.ended <= again.began:
                asked = first
                continue
            found = excuse(first, again, sent_at=at, faults=faults, lease_s=lease_s)
            if found is None and asked is not None and asked_twice(asked, faults):
                found, asked = "asked twice", None
            if found is None and copies and copies[0].ended < again.began:
                found = "broker"
                del copies[0]
            if found is None:
                around = "; ".join(faults.before(again.began)) or "no fault before"
                unexcused.append(f"{text}: {_shown(first)}, and again {_shown(again)}; {around}")
            else:
                excused[found] += 1
    return excused, unexcused


def _disordered(
    by_text: Mapping[str, Sequence[Call]],
    sent: Iterable[Sent],
    sent_at: Mapping[str, float],
    faults: Faults,
    lease_s: float,
) -> list[str]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for message in sent:
        if is_ordered(message.text) and message.text in by_text:
            groups[group_of(message.text)].append(message.text)
    found = []
    for texts in groups.values():
        found += _too_early(texts, by_text)
        calls = sorted((call for text in texts for call in by_text[text]), key=lambda call: call.began)
        found += _overlapping(calls, sent_at, faults, lease_s)
    return found


def _too_early(texts: Sequence[str], by_text: Mapping[str, Sequence[Call]]) -> list[str]:
    """Calls that began before all messages that precede theirs in the group had been done."""
    found = []
    ready_at, last = 0.0, ""
    for text in texts:
        found += [f"{_shown(call)} before {last} was done" for call in by_text[text] if call.began < ready_at]
        ends = [call.ended for call in by_text[text] if call.outcome == "done" and call.ended is not None]
        if ends and min(ends) > ready_at:
            ready_at, last = min(ends), text
    return found


def _overlapping(calls: Sequence[Call], sent_at: Mapping[str, float], faults: Faults, lease_s: float) -> list[str]:
    """Calls of one group that ran at once, though the earlier one had not been given to another by a lost lease."""
    found = []
    latest: Call | None = None
    for call in calls:
        if latest is not None and call.began < _end(latest, faults) - TOLERANCE_S:
            lost = any(lease_lost_by_stop(latest, call, stop, lease_s=lease_s) for stop in faults.stops) or any(
                given_out_before(latest, sent_at[latest.text], outage, lease_s=lease_s) and call.began > outage.began
                for outage in faults.outages
            )
            if not lost:
                found.append(f"{_shown(call)} beside {_shown(latest)}")
        if latest is None or _end(call, faults) > _end(latest, faults):
            latest = call
    return found


def _end(call: Call, faults: Faults) -> float:
    """When it ended, or its process was killed or stood still for ever."""
    if call.ended is not None:
        return call.ended
    deaths = [kill.at for kill in faults.kills if kill.pid == call.pid]
    deaths += [stop.began for stop in faults.stops if stop.pid == call.pid and stop.killed]
    return min((at for at in deaths if at >= call.began), default=float("inf"))


def _shown(call: Call) -> str:
    end = "never ended" if call.ended is None else f"{call.outcome} at {call.ended:.3f}"
    return f"{call.text} (process {call.pid}, from {call.began:.3f}, {end})"
