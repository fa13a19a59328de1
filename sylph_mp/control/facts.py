"""What can be read straight off an observation: who is fresh, hung, stuck, away. Pure, in the master.

`symptoms` and `snapshot` both build on it, so that a screen and its verdict cannot disagree.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from sylph_mp.control.observation import Observation, Running, SlotObservation, TopicObservation
from sylph_mp.lifecycle import SlotState, TopicState
from sylph_mp.pipe import InstanceReport

#: Vitals older than this say nothing about now.
STALE_S = 3.0
#: A heartbeat is due each second; a busy host may delay a few. One older than this is a problem.
HUNG_S = 5.0
#: A consumer without one for this long is killed: its deliveries' leases run on, others should have them in time.
KILL_S = 15.0
#: No answered call for this long: the broker is away.
AWAY_S = 10.0

#: In these states a process is there and should show a heartbeat.
BEATING: frozenset[SlotState] = frozenset({"running", "quiet", "draining", "recycling", "stuck", "hung"})


def beat_age_s(slot: SlotObservation, now: float) -> float | None:
    """Since the last sign of life; None before the first."""
    signs = [at for at in (slot.beat_at, slot.report.at if slot.report else None) if at is not None]
    return max(0.0, now - max(signs)) if signs and slot.pid is not None else None


def is_fresh(slot: SlotObservation, now: float) -> bool:
    """Whether what the process says of itself is still true."""
    age = beat_age_s(slot, now)
    return age is not None and age <= STALE_S


def is_hung(slot: SlotObservation, now: float) -> bool:
    age = beat_age_s(slot, now)
    return slot.state in BEATING and age is not None and age > HUNG_S


def stuck_calls(slot: SlotObservation, limits: Mapping[str, float], now: float) -> tuple[Running, ...]:
    """Handler calls beyond their topic's time limit, the longest first."""
    late = [call for call in slot.running if now - call.started_at > limits.get(call.topic, float("inf"))]
    return tuple(sorted(late, key=lambda call: call.started_at))


def time_limits(topics: Iterable[TopicObservation]) -> dict[str, float]:
    return {topic.name: topic.time_limit_s for topic in topics}


def slot_state(slot: SlotObservation, limits: Mapping[str, float], now: float) -> SlotState:
    """The state to show: what the master made it, unless the process lags behind."""
    if is_hung(slot, now):
        return "hung"
    if slot.state == "running" and stuck_calls(slot, limits, now):
        return "stuck"
    return slot.state


def in_flight(slot: SlotObservation) -> int:
    return slot.queued + slot.held + len(slot.running)


class InstanceFacts(Struct, frozen=True, kw_only=True):
    """How all fresh consumers fare with one RocketMQ cluster."""

    name: str
    endpoint: str
    away_since: float | None
    """Since when nobody had an answer; None while somebody has, or nobody tells."""
    lost_by: Mapping[int, float]
    """Slots without an answer for AWAY_S, and since when."""
    tries: int
    error: str | None
    known: bool
    """Whether a fresh consumer tells of it."""

    def is_away(self, now: float) -> bool:
        return self.away_since is not None and now - self.away_since > AWAY_S


def instances(observation: Observation) -> tuple[InstanceFacts, ...]:
    """One entry for each instance that a topic names, in that order."""
    names = dict.fromkeys(topic.instance for topic in observation.topics)
    return tuple(_instance(name, observation.slots, observation.now) for name in names)


def away(of: Iterable[InstanceFacts], now: float) -> frozenset[str]:
    """The names of those that nobody has an answer from."""
    return frozenset(instance.name for instance in of if instance.is_away(now))


def _instance(name: str, slots: Iterable[SlotObservation], now: float) -> InstanceFacts:
    told = [
        (slot, report)
        for slot in slots
        for report in (slot.report.instances if slot.report else ())
        if report.name == name
    ]
    fresh = {slot.slot: report for slot, report in told if is_fresh(slot, now)}
    lost = {slot: since for slot, report in fresh.items() if (since := _lost_since(report)) is not None}
    worst = max(fresh.values(), key=lambda report: report.tries, default=None)
    return InstanceFacts(
        name=name,
        endpoint=told[0][1].endpoint if told else "",
        away_since=max(lost.values()) if fresh and len(lost) == len(fresh) else None,
        lost_by={slot: since for slot, since in lost.items() if now - since > AWAY_S},
        tries=worst.tries if worst else 0,
        error=worst.error if worst else None,
        known=bool(fresh),
    )


def _lost_since(report: InstanceReport) -> float | None:
    if report.failing_since is None:
        return None
    return report.failing_since if report.answered_at is None else report.answered_at


class Hosts:
    """Which topics have shards where, gathered once for all of them: there may be hundreds, on many slots."""

    def __init__(self, observation: Observation) -> None:
        now = observation.now
        self._placed: set[str] = set()
        self._fresh: set[str] = set()
        """Placed on a consumer that is fresh."""
        self._served: set[str] = set()
        self._any_fresh = False
        for slot in observation.slots:
            topics = {shard.topic for shard in slot.shards}
            self._placed |= topics
            if is_fresh(slot, now):
                self._any_fresh = True
                self._fresh |= topics
            if slot.state in BEATING and not is_hung(slot, now):
                self._served |= topics

    def have_gone_silent(self, topic: str) -> bool:
        """Whether nobody tells of it: no fresh consumer has a shard of it or, for one without shards, is there."""
        return topic not in self._fresh if topic in self._placed else not self._any_fresh

    def serve(self, topic: str) -> bool:
        """Whether a consumer that works has a shard of it."""
        return topic in self._served


def topic_state(
    topic: TopicObservation,
    observation: Observation,
    hosts: Hosts,
    *,
    away: frozenset[str],
    failing: frozenset[str],
    behind: frozenset[str],
) -> TopicState:
    """The state to show; `away` are instances, `failing` and `behind` topics with such a problem."""
    if topic.instance in away:
        return "away"
    if topic.quiet is not None or observation.state == "stopping":
        return "quiet"
    if topic.name in failing:
        return "failing"
    if hosts.serve(topic.name):
        return "behind" if topic.name in behind else "running"
    awaited = observation.state == "starting" or any(
        slot.state in {"starting", "waiting"} for slot in observation.slots
    )
    return "starting" if awaited else "away"
