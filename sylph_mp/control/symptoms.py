"""Decides what is wrong right now. Pure: from what the master sees and remembers to the symptoms of this moment.

Run by the master once a second; `watch` keeps them for their time, `verdict` makes a sentence of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from sylph_mp.control import facts
from sylph_mp.control.history import History
from sylph_mp.control.observation import Observation, ProducerObservation, SlotObservation, TopicObservation
from sylph_mp.control.quantities import count, duration, rate, seconds, setting, share, size, spaced
from sylph_mp.control.target import Topic
from sylph_mp.pipe import TopicReport
from sylph_mp.shm.segment import SHM_FOLDER

#: FAIL from which on a handler counts as failing, and how many must be settled to say so.
FAILING_RATIO = 0.10
FAILING_SETTLED = 20
#: A topic whose messages are older than this when they come, and get older for minutes, falls behind.
BEHIND_S = 60.0
#: It has caught up when it has not got worse for as long.
BEHIND_CLEARS_S = 300.0
#: A topic that should run and settles nothing for this long is broken.
STALLED_S = 30.0
#: When a broker comes back, one consumer has its first answer some seconds before another.
ALONE_S = 5.0
#: A request that fails is tried again; it is a problem when none has worked for this long.
UNSENT_S = 5.0
#: A consumer that was recycled for memory is told of for this long.
GUARDED_S = 60.0
#: Used share of the memory, from which on that is done.
GUARDED_RATIO = 0.95
#: What was settled since then may not have been reported yet.
_UNREPORTED_S = 3.0

Severity = Literal["broken", "degraded"]
#: Worst first within a severity.
CODES = (
    "broker-away",
    "topic-stalled",
    "crash-loop",
    "consumer-hung",
    "handler-failing",
    "backlog-growing",
    "producer-failing",
    "thread-stuck",
    "memory-guard",
    "shm-nearly-full",
)

Key = tuple[str, int | None, str | None, str | None]


class Symptom(Struct, frozen=True, kw_only=True):
    code: str
    severity: Severity = "degraded"
    slot: int | None = None
    topic: str | None = None
    instance: str | None = None
    began: float | None = None
    """CLOCK_MONOTONIC; None: when it was seen first, and the short text is to say how long that is ago."""
    value: float
    threshold: float
    sentence: str
    text: str
    next: str
    holds_s: float = 0.0
    """It counts only when it was seen for this long."""
    clears_s: float = 0.0
    """It counts as over when it was away for this long."""

    @property
    def key(self) -> Key:
        return (self.code, self.slot, self.topic, self.instance)


def symptoms(observation: Observation, history: History) -> tuple[Symptom, ...]:
    """Everything that is wrong now, in no order; nothing while the master stops, when rates fall on purpose."""
    if observation.state == "stopping":
        return ()
    found = [*_brokers(observation), *_crash_loops(observation), *_shared_memory(observation)]
    limits = facts.time_limits(observation.topics)
    for slot in observation.slots:
        found += [*_hung(slot, observation.now), *_stuck(slot, observation, limits), *_guarded(slot, observation.now)]
    hosts, waiting = facts.Hosts(observation), _waiting(observation, limits)
    for topic in observation.topics:
        found += _failing(topic, history, observation.now)
        found += _stalled(topic, history, observation, served=hosts.serve(topic.name), queued=waiting.get(topic.name))
        found += _behind(topic, history, observation)
    found += [symptom for producer in observation.producers for symptom in _unsent(producer)]
    return tuple(found)


def _brokers(observation: Observation) -> Iterator[Symptom]:
    now = observation.now
    for instance in facts.instances(observation):
        if instance.away_since is not None and instance.is_away(now):
            yield _broker_away(instance, instance.away_since, now, slot=None)
        elif instance.away_since is None:
            for slot, since in instance.lost_by.items():
                yield _broker_away(instance, since, now, slot=slot)


def _broker_away(instance: facts.InstanceFacts, since: float, now: float, *, slot: int | None) -> Symptom:
    reason = f" ({instance.error})" if instance.error else ""
    away = f"away for {spaced(seconds(now - since))}{reason}"
    who = f" from slot {slot}" if slot is not None else ""
    return Symptom(
        code="broker-away",
        severity="degraded" if slot is not None else "broken",
        slot=slot,
        instance=instance.name,
        began=since,
        value=now - since,
        threshold=facts.AWAY_S,
        sentence=f"broker {instance.endpoint}{who} {away}",
        text=f"{instance.name}{who}: {away}",
        next="sylph status --instances",
        holds_s=ALONE_S if slot is not None else 0.0,
        clears_s=facts.AWAY_S,
    )


def _crash_loops(observation: Observation) -> Iterator[Symptom]:
    live = [slot for slot in observation.slots if slot.state != "empty"]
    lost = [slot for slot in live if slot.state == "gave-up"]
    for slot in lost:
        crashes, last = _crashes(slot), f", the last: {slot.last_exit}" if slot.last_exit else ""
        yield Symptom(
            code="crash-loop",
            severity="broken" if len(lost) == len(live) else "degraded",
            slot=slot.slot,
            began=slot.since,
            value=slot.crashes,
            threshold=0,
            sentence=f"slot {slot.slot} gave up after {crashes}{last}{_heirs(live)}",
            text=f"slot {slot.slot}: {crashes}{last}",
            next="sylph crashes show" if slot.crashes else f"sylph status {slot.slot}",
        )


def _crashes(slot: SlotObservation) -> str:
    crashes = slot.loop.crashes if slot.loop else slot.crashes
    within = f" in {spaced(seconds(slot.loop.within_s))}" if slot.loop else ""
    return f"{count(crashes)} {'crash' if crashes == 1 else 'crashes'}{within}"


def _heirs(live: Iterable[SlotObservation]) -> str:
    """Where the shards of a slot that was given up are now."""
    heirs = [slot.slot for slot in live if slot.shards]
    if not heirs:
        return ""
    return f"; its shards moved to {f'slot {heirs[0]}' if len(heirs) == 1 else f'{len(heirs)} others'}"


def _shared_memory(observation: Observation) -> Iterator[Symptom]:
    """Only slots that came after the start can be without."""
    left, each = observation.shm_free_bytes, observation.slot_bytes
    if not observation.slots_without_memory or left >= each:
        return
    text = f"{SHM_FOLDER} has {spaced(size(left))} left, a slot needs {spaced(size(each))}: cannot grow"
    yield Symptom(
        code="shm-nearly-full",
        value=left,
        threshold=each,
        sentence=text,
        text=text,
        next="sylph config show consumers.buffer",
    )


def _hung(slot: SlotObservation, now: float) -> Iterator[Symptom]:
    silent_s = facts.beat_age_s(slot, now)
    if silent_s is None or not facts.is_hung(slot, now):
        return
    silent = f"no heartbeat for {spaced(seconds(silent_s))}"
    kill = f", kill at {spaced(seconds(facts.KILL_S))}" if silent_s < facts.KILL_S else ""
    yield Symptom(
        code="consumer-hung",
        slot=slot.slot,
        began=now - silent_s,
        value=silent_s,
        threshold=facts.HUNG_S,
        sentence=f"slot {slot.slot} shows {silent}{kill}",
        text=f"slot {slot.slot}: {silent}",
        next=f"sylph status {slot.slot}",
        clears_s=facts.HUNG_S,
    )


def _stuck(slot: SlotObservation, observation: Observation, limits: Mapping[str, float]) -> Iterator[Symptom]:
    late = facts.stuck_calls(slot, limits, observation.now)
    if not late or facts.is_hung(slot, observation.now):
        return  # a hung consumer is the worse news, and its calls are shown with it
    call = late[0]
    thread = f"thread {call.thread}" if call.thread is not None else "async call"
    runs_s, limit_s = observation.now - call.started_at, limits[call.topic]
    more = f"; {len(late) - 1} more there" if len(late) > 1 else ""
    runs = f"{call.handler} runs {spaced(duration(runs_s))}, limit {spaced(setting(limit_s))}{more}"
    yield Symptom(
        code="thread-stuck",
        slot=slot.slot,
        topic=call.topic,
        began=call.started_at + limit_s,
        value=runs_s,
        threshold=limit_s,
        sentence=f"slot {slot.slot} {thread}: {runs}",
        text=f"slot {slot.slot}, {thread}",
        next=f"sylph recycle {slot.slot}",
    )


def is_guarded(slot: SlotObservation, now: float) -> bool:
    """Whether its consumer was recycled for want of memory a moment ago."""
    return slot.guarded is not None and now - slot.guarded.at < GUARDED_S


def _guarded(slot: SlotObservation, now: float) -> Iterator[Symptom]:
    mark = slot.guarded
    if mark is None or not is_guarded(slot, now):
        return
    running = f", running {', '.join(mark.handlers)}" if mark.handlers else ""
    text = f"recycled for memory: {spaced(size(mark.rss_bytes))} of {spaced(size(mark.total_bytes))}{running}"
    yield Symptom(
        code="memory-guard",
        slot=slot.slot,
        began=mark.at,
        value=mark.used_ratio,
        threshold=GUARDED_RATIO,
        sentence=f"slot {slot.slot} {text}",
        text=f"slot {slot.slot}: {text}",
        next="sylph events",
    )


def _failing(topic: TopicObservation, history: History, now: float) -> Iterator[Symptom]:
    past = history.topic(topic.name)
    if past is None:
        return
    failing = past.failing(now)
    if failing.ratio is None or failing.ratio < FAILING_RATIO or failing.settled < FAILING_SETTLED:
        return
    percent = spaced(share(failing.ratio))
    errors = past.errors(now)
    most = f": {errors[0].kind}: {errors[0].text}".removesuffix(": ") if errors else ""
    who, whose = (topic.handler, f" of {topic.name}") if topic.handler is not None else (topic.name, "")
    yield Symptom(
        code="handler-failing",
        topic=topic.name,
        value=failing.ratio,
        threshold=FAILING_RATIO,
        sentence=f"{who} fails {percent}{whose}{most}",
        text=f"{topic.name}: {percent} of {rate(past.settled_per_s(now))}/s",
        next=f"sylph status {Topic(topic.name)}",
        clears_s=60.0,
    )


def _behind(topic: TopicObservation, history: History, observation: Observation) -> Iterator[Symptom]:
    past, now = history.topic(topic.name), observation.now
    rise = past.ages.rise(now) if past is not None else None
    if past is None or rise is None or rise.age_s <= BEHIND_S or topic.quiet is not None:
        return
    grows = rate(rise.grows_per_s(past.settled_per_s(now) or 0.0))
    slots = [slot for slot in observation.slots if slot.state != "empty"]
    run = sum(slot.state in facts.BEATING and not facts.is_hung(slot, now) for slot in slots)
    oldest_s = [part.oldest_s for part in _told(observation) if part.topic == topic.name and part.oldest_s is not None]
    age_s = max([rise.age_s, *oldest_s])
    oldest = f"oldest {spaced(seconds(age_s))}, grows {grows}/s"
    yield Symptom(
        code="backlog-growing",
        topic=topic.name,
        value=age_s,
        threshold=BEHIND_S,
        sentence=f"{topic.name} falls behind: {oldest}, {run} of {len(slots)} consumers run",
        text=f"{topic.name}: {oldest}",
        next="sylph autoscale",
        clears_s=BEHIND_CLEARS_S,
    )


def _unsent(producer: ProducerObservation) -> Iterator[Symptom]:
    """Outputs of handlers wait, and their deliveries with them."""
    lane = producer.lane
    waiting = lane.queued + lane.in_flight
    if lane.error is None or not waiting:
        return
    text = f"{count(waiting)} to {lane.topic} wait to be stored: {lane.error}"
    yield Symptom(
        code="producer-failing",
        topic=lane.topic,
        instance=producer.instance,
        value=waiting,
        threshold=0,
        sentence=f"messages of handlers, {text}",
        text=text,
        next="sylph status --instances",
        holds_s=UNSENT_S,
    )


def _stalled(
    topic: TopicObservation, history: History, observation: Observation, *, served: bool, queued: int | None
) -> Iterator[Symptom]:
    past = history.topic(topic.name)
    since = max(past.settled_at if past else 0.0, observation.started_at)
    if topic.quiet is not None or observation.now - since < _UNREPORTED_S:
        return
    if not served:
        why = "no consumer of it works"
    elif queued:
        why = f"{count(queued)} queued"
    else:
        return
    yield Symptom(
        code="topic-stalled",
        severity="broken",
        topic=topic.name,
        value=observation.now - since,
        threshold=STALLED_S,
        sentence=f"{topic.name} settles nothing: {why}",
        text=f"{topic.name} settles nothing: {why}",
        next=f"sylph status {Topic(topic.name)}",
        holds_s=STALLED_S,
    )


def _waiting(observation: Observation, limits: Mapping[str, float]) -> dict[str, int]:
    """By topic: deliveries that wait while none of its handler calls is within its time limit."""
    now = observation.now
    queued = Counter[str]()
    for part in _told(observation):
        if part.queued:
            queued[part.topic] += part.queued
    calls = [call for slot in observation.slots for call in slot.running]
    going = {call.topic for call in calls if now - call.started_at <= limits.get(call.topic, 0.0)}
    return {topic: waiting for topic, waiting in queued.items() if topic not in going}


def _told(observation: Observation) -> Iterator[TopicReport]:
    """What the consumers that are fresh last told of each topic."""
    for slot in observation.slots:
        if slot.report is not None and facts.is_fresh(slot, observation.now):
            yield from slot.report.topics
