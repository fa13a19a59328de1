"""The verdict: one pure function from what is known to a word, a sentence, the problems and the notes.

Run in the master for every look; screens only print it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from msgspec import Struct

from sylph_mp.control import facts
from sylph_mp.control.history import History
from sylph_mp.control.observation import Observation
from sylph_mp.control.quantities import count, rate, seconds, spaced, whole_duration
from sylph_mp.control.status import NoteStatus, ProblemStatus
from sylph_mp.control.symptoms import CODES
from sylph_mp.control.target import Fleet, Slot, Target, Topic
from sylph_mp.control.timestamps import clock_time, rfc3339
from sylph_mp.control.watch import Problem


class Verdict(Struct, frozen=True, kw_only=True):
    word: str
    sentence: str
    problems: tuple[ProblemStatus, ...]
    notes: tuple[NoteStatus, ...]


def judge(
    observation: Observation, history: History, problems: Iterable[Problem], *, zone: tzinfo | None = None
) -> Verdict:
    """Say how the fleet is; `problems` are those of the `Watch`, `zone` is for clock times (None: the host's)."""
    ordered = sorted(problems, key=_order)
    notes = (
        *_quiet_notes(observation, zone),
        *_quarantine_notes(observation, zone),
        *_unshared_notes(observation, history, zone),
        *_live_notes(observation, zone),
    )
    if ordered:
        word = "broken" if _severity(ordered[0]) == "broken" else "degraded"
        sentence = _worst(ordered, observation)
    elif notes:
        word, sentence = "healthy", f"{notes[0].sentence}{_more(len(notes) - 1, 'note')}"
    else:
        word, sentence = "healthy", _work(observation, history)
    listed = tuple(_status(problem, observation) for problem in ordered)
    return Verdict(word=word, sentence=sentence, problems=listed, notes=notes)


def _severity(problem: Problem) -> str:
    """What is over, but not yet for long enough, breaks nothing any more."""
    return problem.symptom.severity if problem.over_since is None else "degraded"


def _order(problem: Problem) -> tuple[bool, bool, int, int, int]:
    over, symptom = problem.over_since is not None, problem.symptom
    return (_severity(problem) != "broken", over, CODES.index(symptom.code), int(problem.since), symptom.slot or 0)


def _worst(ordered: list[Problem], observation: Observation) -> str:
    first, symptom = ordered[0], ordered[0].symptom
    more = _more(len(ordered) - 1, "problem")
    if first.over_since is not None:
        return f"{symptom.text}{_over(first, observation.now)}{more}"
    whole_broker = symptom.code == "broker-away" and symptom.slot is None
    effect = _without(symptom.instance, observation) if whole_broker else ""
    return f"{symptom.sentence}{effect}{more}"


def _without(instance: str | None, observation: Observation) -> str:
    topics = [topic.name for topic in observation.topics if topic.instance == instance]
    if len(topics) == len(observation.topics):
        return ": no topic runs"
    return f": {topics[0]} does not run" if len(topics) == 1 else f": {len(topics)} topics do not run"


def _over(problem: Problem, now: float) -> str:
    if problem.over_since is None:
        return ""
    return f", over since {spaced(seconds(now - problem.over_since))}"


def _more(number: int, what: str) -> str:
    return f"; {number} more {what}{'s' if number > 1 else ''}" if number else ""


def _status(problem: Problem, observation: Observation) -> ProblemStatus:
    symptom = problem.symptom
    lasts = f", {spaced(seconds(observation.now - problem.since))}" if symptom.began is None else ""
    return ProblemStatus(
        code=symptom.code,
        slot=symptom.slot,
        topic=symptom.topic,
        instance=symptom.instance,
        since=_moment(problem.since, observation),
        over_since=None if problem.over_since is None else _moment(problem.over_since, observation),
        value=symptom.value,
        threshold=symptom.threshold,
        sentence=symptom.sentence,
        text=f"{symptom.text}{lasts}{_over(problem, observation.now)}",
        next=symptom.next,
    )


def _moment(at: float, observation: Observation) -> str:
    return rfc3339(_wall(at, observation))


def _wall(at: float, observation: Observation) -> float:
    return observation.wall - (observation.now - at)


def _quiet_notes(observation: Observation, zone: tzinfo | None) -> tuple[NoteStatus, ...]:
    marks = {topic.quiet for topic in observation.topics}
    mark = marks.pop() if len(marks) == 1 and len(observation.topics) > 1 else None
    if mark is not None:
        return (_quiet(observation, zone, code="fleet-quiet", wall=mark.since_wall, by=mark.by),)
    topics = (
        _quiet(observation, zone, code="topic-quiet", topic=topic.name, wall=topic.quiet.since_wall, by=topic.quiet.by)
        for topic in observation.topics
        if topic.quiet is not None
    )
    slots = (
        _quiet(observation, zone, code="slot-quiet", slot=slot.slot, wall=_wall(slot.since, observation))
        for slot in observation.slots
        if slot.state == "quiet"
    )
    return (*topics, *slots)


def _quarantine_notes(observation: Observation, zone: tzinfo | None) -> tuple[NoteStatus, ...]:
    mark = observation.quarantine
    if mark is None:
        return ()
    what = "1 message is" if mark.messages == 1 else f"{count(mark.messages)} messages are"
    since = _clock(mark.since_wall, observation, zone)
    lasts = spaced(seconds(max(0.0, observation.wall - mark.since_wall)))
    return (
        NoteStatus(
            code="quarantine",
            since=rfc3339(mark.since_wall),
            sentence=f"{what} in quarantine since {since}",
            text=f"{what} in quarantine since {since} ({lasts})",
            next="sylph quarantine ls",
        ),
    )


def _unshared_notes(observation: Observation, history: History, zone: tzinfo | None) -> Iterator[NoteStatus]:
    for topic in observation.topics:
        past = history.topic(topic.name)
        number = past.unshared(observation.now) if past is not None else 0
        if past is None or not number:
            continue
        wall = _wall(past.unshared_since, observation)
        since = _clock(wall, observation, zone)
        what = f"{count(number)} message{'s' if number > 1 else ''} of {topic.name} did not fit into the buffer"
        lasts = spaced(seconds(max(0.0, observation.wall - wall)))
        left = "a crash leaves what does not fit to the broker"
        yield NoteStatus(
            code="unshared",
            topic=topic.name,
            since=rfc3339(wall),
            sentence=f"{what} since {since}: {left}",
            text=f"{what} since {since} ({lasts}): {left}",
            next="sylph config show consumers.buffer",
        )


def _live_notes(observation: Observation, zone: tzinfo | None) -> Iterator[NoteStatus]:
    for mark in observation.live:
        since = _clock(mark.since_wall, observation, zone)
        lasts = spaced(seconds(max(0.0, observation.wall - mark.since_wall)))
        what = f"{mark.key} is set to {mark.value}"
        yield NoteStatus(
            code="set-live",
            since=rfc3339(mark.since_wall),
            by=mark.by,
            sentence=f"{what} since {since} by {mark.by}",
            text=f"{what} since {since} ({lasts}) by {mark.by}",
            next=f"sylph set {mark.key}={mark.value} --save",
        )


def _quiet(
    observation: Observation,
    zone: tzinfo | None,
    *,
    code: str,
    topic: str | None = None,
    slot: int | None = None,
    wall: float,
    by: str | None = None,
) -> NoteStatus:
    target: Target = Topic(topic) if topic is not None else Slot(slot) if slot is not None else Fleet()
    who = topic if topic is not None else f"slot {slot}" if slot is not None else "the fleet"
    since = _clock(wall, observation, zone)
    lasts = seconds(max(0.0, observation.wall - wall))
    whom = f" by {by}" if by is not None else ""
    return NoteStatus(
        code=code,
        topic=topic,
        slot=slot,
        since=rfc3339(wall),
        by=by,
        sentence=f"{who} is quiet since {since}{whom}",
        text=f"{who} is quiet since {since} ({spaced(lasts)}){whom}",
        next=f"sylph start {target}",
    )


def _clock(wall: float, observation: Observation, zone: tzinfo | None) -> str:
    return clock_time(datetime.fromtimestamp(wall, zone), datetime.fromtimestamp(observation.wall, zone))


def _work(observation: Observation, history: History) -> str:
    who = f"{_name(observation)} on {observation.host}"
    shown = [slot for slot in observation.slots if slot.state != "empty"]
    if observation.state == "stopping":
        return f"{who} is stopping: {count(sum(facts.in_flight(slot) for slot in shown))} in flight."
    run = sum(slot.state not in {"starting", "waiting", "gave-up"} for slot in shown)
    if observation.state == "starting" or not run:
        return f"{who} is starting: {run} of {observation.wanted} consumers run."
    fleet = f"with {run} consumer{'s' if run > 1 else ''}"
    settled_per_s = history.rate_per_s(observation.now)
    if not settled_per_s:
        return f"{who} waits for messages {fleet}."
    p99_s = history.end(observation.now).p99_s
    within = f"; 99 % end within {spaced(whole_duration(p99_s))} of being stored" if p99_s is not None else ""
    return f"{who} settles {rate(settled_per_s)}/s {fleet}{within}."


def _name(observation: Observation) -> str:
    groups = list(dict.fromkeys(topic.group for topic in observation.topics))
    return groups[0] + (f" and {len(groups) - 1} more" if len(groups) > 1 else "") if groups else "a fleet"
