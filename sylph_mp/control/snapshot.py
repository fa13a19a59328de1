"""Makes of what the master sees and remembers the one object that every screen, probe and program reads.

Pure; run in the master for every look. Unknown is None, never 0 and never the last value.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import tzinfo

from sylph_mp.control import facts
from sylph_mp.control.courses import Course, Courses
from sylph_mp.control.history import History, Shares, TopicHistory
from sylph_mp.control.observation import Observation, ProducerObservation, Running, SlotObservation, TopicObservation
from sylph_mp.control.status import (
    ErrorStatus,
    InstanceStatus,
    MasterStatus,
    ProducerStatus,
    RunningStatus,
    SlotStatus,
    Snapshot,
    TopicStatus,
)
from sylph_mp.control.symptoms import is_guarded
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.control.verdict import Verdict, judge
from sylph_mp.control.watch import Problem
from sylph_mp.lifecycle import TopicState
from sylph_mp.pipe import TopicReport


def snapshot(
    observation: Observation,
    history: History,
    problems: Iterable[Problem],
    *,
    courses: Courses | None = None,
    zone: tzinfo | None = None,
) -> Snapshot:
    """The state of the fleet; `problems` are those of the `Watch`, `zone` is for clock times in sentences.

    Without `courses` nothing is told of the minutes that are over.
    """
    verdict = judge(observation, history, problems, zone=zone)
    now, limits, instances = observation.now, facts.time_limits(observation.topics), facts.instances(observation)
    away = facts.away(instances, now)
    failing, behind = _topics_of("handler-failing", verdict), _topics_of("backlog-growing", verdict)
    hosts, told = facts.Hosts(observation), _Told(observation)

    def state(topic: TopicObservation) -> TopicState:
        return facts.topic_state(topic, observation, hosts, away=away, failing=failing, behind=behind)

    return Snapshot(
        at=rfc3339(observation.wall),
        verdict=verdict.word,
        sentence=verdict.sentence,
        next=verdict.problems[0].next if verdict.problems else None,
        problems=verdict.problems,
        notes=verdict.notes,
        master=_master(observation),
        slots=tuple(_slot(slot, history, limits, now) for slot in observation.slots if slot.state != "empty"),
        topics=tuple(
            _topic(
                topic,
                history,
                told,
                now,
                state(topic),
                silent=hosts.have_gone_silent(topic.name),
                course=courses.of(topic.name) if courses else Course(),
            )
            for topic in observation.topics
        ),
        instances=tuple(_instance(instance, observation) for instance in instances),
        autoscale=observation.autoscale,
        producers=tuple(_producer(producer) for producer in observation.producers),
    )


def _master(observation: Observation) -> MasterStatus:
    return MasterStatus(
        pid=observation.pid,
        state=observation.state,
        uptime_s=observation.now - observation.started_at,
        host=observation.host,
        version=observation.version,
        config=observation.config_file,
        processes_min=observation.processes_min,
        processes_max=observation.processes_max,
        processes_wanted=observation.wanted,
        cpu_s=observation.master_cpu_s,
        rss_bytes=observation.master_rss_bytes,
        quarantined=observation.quarantine.messages if observation.quarantine else 0,
    )


def _slot(slot: SlotObservation, history: History, limits: Mapping[str, float], now: float) -> SlotStatus:
    past = history.slot(slot.slot)
    totals = past.totals if past else {}
    report = slot.report if facts.is_fresh(slot, now) else None
    shares = past.shares() if past and report else Shares()
    state = facts.slot_state(slot, limits, now)
    beat_age_s = facts.beat_age_s(slot, now)
    return SlotStatus(
        slot=slot.slot,
        pid=slot.pid,
        state=state,
        state_s=beat_age_s if state == "hung" and beat_age_s is not None else now - slot.since,
        uptime_s=None if slot.started_at is None else now - slot.started_at,
        beat_age_s=beat_age_s,
        cpu_ratio=shares.cpu_ratio,
        rss_bytes=slot.report.rss_bytes if slot.report and slot.pid is not None else None,
        guarded=is_guarded(slot, now),
        threads=report.threads if report else None,
        busy_ratio=shares.busy_ratio,
        rate_per_s=shares.rate_per_s,
        in_flight=facts.in_flight(slot),
        in_flight_limit=slot.in_flight_limit,
        buffer_used_bytes=report.buffer_used if report else None,
        buffer_bytes=slot.buffer_size,
        received=totals.get("received", 0),
        acked=totals.get("acked", 0),
        retried=totals.get("retried", 0),
        dead=totals.get("dead", 0),
        restarts=slot.restarts,
        crashes=slot.crashes,
        last_exit=slot.last_exit,
        retry_in_s=None if slot.retry_at is None else max(0.0, slot.retry_at - now),
        shards=tuple(f"{shard.topic}/{shard.number}" for shard in slot.shards),
        stands_in_for=slot.stands_in_for,
        running=tuple(
            running_status(call, limits, now) for call in sorted(slot.running, key=lambda running: running.started_at)
        ),
    )


def running_status(call: Running, limits: Mapping[str, float], now: float) -> RunningStatus:
    """`limits` are time limits by topic."""
    return RunningStatus(
        thread=call.thread,
        topic=call.topic,
        handler=call.handler,
        message=call.message_id,
        attempt=call.attempt,
        run_s=now - call.started_at,
        limit_s=limits.get(call.topic),
    )


def _topics_of(code: str, verdict: Verdict) -> frozenset[str]:
    """Topics that have such a problem now."""
    return frozenset(p.topic or "" for p in verdict.problems if p.code == code and not p.over_since)


def _topic(
    topic: TopicObservation,
    history: History,
    told: "_Told",
    now: float,
    state: TopicState,
    *,
    silent: bool,
    course: Course,
) -> TopicStatus:
    past = history.topic(topic.name) or TopicHistory(now)
    known = TopicHistory(now) if silent else past
    wait, run, end = known.wait.quantiles(now), known.run.quantiles(now), known.end.quantiles(now)
    totals = past.totals
    parts = told.parts(topic.name)
    return TopicStatus(
        topic=topic.name,
        group=topic.group,
        instance=topic.instance,
        state=state,
        shards=topic.shards,
        received=totals.get("received", 0),
        started=totals.get("started", 0),
        acked=totals.get("acked", 0),
        retried=totals.get("retried", 0),
        dead=totals.get("dead", 0),
        failed=totals.get("failed", 0),
        handed_back=totals.get("handed_back", 0),
        expired=totals.get("expired", 0),
        unshared=totals.get("unshared", 0),
        running=told.running[topic.name],
        queued=None if parts is None else sum(part.queued for part in parts),
        held=None if parts is None else sum(part.held for part in parts),
        rate_per_s=known.rate_per_s(now),
        fail_ratio=known.failing(now).ratio,
        wait_p50_s=wait.p50_s,
        wait_p99_s=wait.p99_s,
        run_p50_s=run.p50_s,
        run_p99_s=run.p99_s,
        end_p50_s=end.p50_s,
        end_p99_s=end.p99_s,
        skewed=past.skewed,
        backlog=topic.backlog,
        oldest_s=max((part.oldest_s for part in parts or () if part.oldest_s is not None), default=None),
        errors=tuple(
            ErrorStatus(kind=e.kind, text=e.text, place=e.place, count=e.count, share_ratio=e.share)
            for e in past.errors(now)
        ),
        minute_rates_per_s=course.rates_per_s,
        minute_fail_ratios=course.fail_ratios,
    )


class _Told:
    """What the slots say of each topic, gathered once for all of them."""

    def __init__(self, observation: Observation) -> None:
        self.running = Counter(call.topic for slot in observation.slots for call in slot.running)
        holding = [
            (slot, slot.report) for slot in observation.slots if slot.report is not None and slot.pid is not None
        ]
        self._known = all(facts.is_fresh(slot, observation.now) for slot, _ in holding)
        self._parts: defaultdict[str, list[TopicReport]] = defaultdict(list)
        for _, report in holding:
            for part in report.topics:
                self._parts[part.topic].append(part)

    def parts(self, topic: str) -> list[TopicReport] | None:
        """What the consumers last told of it; None where one of them is silent."""
        return self._parts[topic] if self._known else None


def _producer(producer: ProducerObservation) -> ProducerStatus:
    lane = producer.lane
    return ProducerStatus(
        topic=lane.topic,
        instance=producer.instance,
        kind=lane.kind,
        state="running" if lane.error is None else "failing",
        rate_per_s=lane.rate_per_s,
        queued=lane.queued,
        in_flight=lane.in_flight,
        batch_size=lane.batch_size,
        linger_s=lane.linger_s,
        latency_p50_s=lane.latency_p50_s,
        latency_p99_s=lane.latency_p99_s,
        stored=lane.stored,
        batches=lane.batches,
        retries=lane.retries,
        failures=lane.failures,
        error=lane.error,
        why=lane.why,
    )


def _instance(instance: facts.InstanceFacts, observation: Observation) -> InstanceStatus:
    state, since = "running", instance.away_since
    leases_end = observation.leases_end.get(instance.name)
    if not instance.known:
        state = "unknown"
    elif instance.is_away(observation.now):
        state = "away"
    elif since is not None or instance.lost_by:
        state, since = "failing", since if since is not None else min(instance.lost_by.values())
    return InstanceStatus(
        name=instance.name,
        endpoint=instance.endpoint,
        state=state,
        since=None if since is None else _moment(since, observation),
        tries=instance.tries if instance.known else None,
        error=instance.error,
        leases_end=None if leases_end is None else _moment(leases_end, observation),
    )


def _moment(at: float, observation: Observation) -> str:
    return rfc3339(observation.wall - (observation.now - at))
