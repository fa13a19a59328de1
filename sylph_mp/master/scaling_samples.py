"""Reads off the fleet what the autoscaler is to know: the newest reports, and what forbids a decision just now.

Runs on the master's loop thread; asks no consumer.
"""

from collections.abc import Iterator, Sequence

from sylph_mp.config.schema import Config
from sylph_mp.control import facts
from sylph_mp.master.backlogs import Backlogs
from sylph_mp.master.child import Child
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.scaling_signals import BacklogSignal, Bounds, ConsumerSignal, FleetSignal, HostSignal, TopicSignal
from sylph_mp.master.slot import geometry_of
from sylph_mp.pipe import Report, TopicReport
from sylph_mp.shm.segment import available_bytes, needed_bytes


class TopicSignals:
    """What was made of each consumer's topics, until its reports tell something new of one."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[tuple[TopicReport, ...], tuple[TopicSignal, ...]]] = {}

    def of(self, reports: Sequence[tuple[Child, Report]]) -> Iterator[tuple[TopicSignal, ...]]:
        """In their order; the same object as the last time where nothing was told."""
        before, self._made = self._made, {}
        for child, report in reports:
            made = before.get(child.pid)
            if made is None or made[0] is not report.topics:
                made = report.topics, tuple(map(_topic, report.topics))
            self._made[child.pid] = made
            yield made[1]


def sample(
    fleet: Fleet, *, topics: TopicSignals, host: HostSignal, backlogs: Backlogs, now: float, replacing: bool
) -> FleetSignal:
    """`replacing`: a rollout goes on."""
    reports = list(_reports(fleet, now))
    return FleetSignal(
        now=now,
        consumers=tuple(
            _consumer(child.pid, report, signals)
            for (child, report), signals in zip(reports, topics.of(reports), strict=True)
        ),
        wanted=fleet.wanted,
        threads=fleet.threads,
        lost=sum(slot.gave_up for slot in fleet.members),
        shards=sum(topic.shards for topic in fleet.config.topics.values() if topic.name not in fleet.quiet_topics),
        shm_slots=_shm_slots(fleet),
        host=host,
        backlogs=tuple(_backlogs(fleet, backlogs)),
        blocked=_blocked(fleet, reports, now, replacing=replacing),
    )


def _backlogs(fleet: Fleet, backlogs: Backlogs) -> Iterator[BacklogSignal]:
    """Of a topic with a rate what waits does so on purpose: no consumer would change it."""
    for topic in fleet.config.topics.values():
        held_up = topic.name in fleet.quiet_topics or topic.rate > 0
        count = None if held_up else backlogs.count(topic)
        if count is not None:
            yield BacklogSignal(topic.name, count.at, count.messages)


def bounds_of(config: Config) -> Bounds:
    return Bounds(
        processes=config.consumers.processes,
        threads=config.consumers.threads,
        place=_place(config, "consumers.processes"),
        threads_place=_place(config, "consumers.threads"),
    )


def _place(config: Config, key: str) -> str:
    """`config.toml:9`; the column says nothing here."""
    place = config.places.get(key) or next((at for name, at in config.places.items() if name.startswith(f"{key}.")), "")
    file, _, line = place.partition(":")
    return f"{file}:{line.partition(':')[0]}" if line else place or "the default"


def _reports(fleet: Fleet, now: float) -> Iterator[tuple[Child, Report]]:
    for slot in fleet.members:
        child = slot.child
        if child is None or not child.takes_work or child.report is None or slot.quiet is not None:
            continue
        if now - child.report.at <= facts.STALE_S:
            yield child, child.report


def _topic(topic: TopicReport) -> TopicSignal:
    return TopicSignal(
        topic=topic.topic,
        received=topic.counters.get("received", 0),
        started=topic.counters.get("started", 0),
        run_s=topic.run_s,
        age_s=topic.age_s,
        wait=topic.wait,
    )


def _consumer(pid: int, report: Report, topics: tuple[TopicSignal, ...]) -> ConsumerSignal:
    return ConsumerSignal(
        pid=pid,
        at=report.at,
        threads=max(1, report.threads),
        busy_s=report.busy_s,
        calls=report.calls,
        calls_s=report.calls_s,
        cpu_s=report.cpu_s,
        rss_bytes=report.rss_bytes,
        topics=topics,
    )


def _shm_slots(fleet: Fleet) -> int:
    """Slots have their memory from the start on, unless a reload has added them."""
    free = [slot for slot in fleet.slots.values() if not slot.wanted]
    there = sum(slot.segment is not None for slot in free)
    without = len(free) - there
    return there + min(without, available_bytes() // needed_bytes(geometry_of(fleet.config))) if without else there


def _blocked(fleet: Fleet, reports: Sequence[tuple[Child, Report]], now: float, *, replacing: bool) -> str | None:
    if fleet.quiet is not None:
        return f"the fleet is quiet, by {fleet.quiet.by}"
    if replacing or any(slot.recycling for slot in fleet.members):
        return "consumers are being replaced"
    away = {
        instance.name
        for _, report in reports
        for instance in report.instances
        if instance.failing_since is not None and now - (instance.answered_at or instance.failing_since) > facts.STALE_S
    }
    return f"broker {min(away)} does not answer" if away else None
