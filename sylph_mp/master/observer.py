"""Looks at the fleet without asking any consumer: the master's own memory, and what lies in shared memory.

Runs on the master's loop thread, for every look; 16 slots take a few milliseconds.
"""

import os
import socket
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from sylph_mp import __version__, own_usage
from sylph_mp.clock import Clock
from sylph_mp.control import facts
from sylph_mp.control.observation import Observation, ProducerObservation, Running, SlotObservation, TopicObservation
from sylph_mp.master.backlogs import Backlogs
from sylph_mp.master.child import Child
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.live_settings import LiveSettings
from sylph_mp.master.outlets import Outlets
from sylph_mp.master.quarantine import Quarantine
from sylph_mp.master.scaler import Scaler
from sylph_mp.master.slot import Slot, geometry_of
from sylph_mp.master.supervisor import Supervisor
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.segment import Segment, available_bytes, needed_bytes
from sylph_mp.shm.table import Entry

MessageId = Callable[[bytes], str]
"""The id of the message in a received frame; "" for bytes that are none, such as of a frame being replaced."""


class Observer:
    def __init__(
        self,
        *,
        fleet: Fleet,
        supervisor: Supervisor,
        scaler: Scaler,
        quarantine: Quarantine,
        live_settings: LiveSettings,
        outlets: Outlets,
        backlogs: Backlogs,
        message_id: MessageId,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._supervisor = supervisor
        self._scaler = scaler
        self._quarantine = quarantine
        self._live_settings = live_settings
        self._outlets = outlets
        self._backlogs = backlogs
        self._message_id = message_id
        self._clock = clock
        self._started_at = clock.monotonic()

    def observe(self) -> Observation:
        observation = self._observe()
        away = facts.away(facts.instances(observation), observation.now)
        return replace(observation, leases_end=self._leases_end(away)) if away else observation

    def _observe(self) -> Observation:
        config = self._fleet.config
        return Observation(
            wall=self._clock.time(),
            now=self._clock.monotonic(),
            host=socket.gethostname(),
            version=__version__,
            pid=os.getpid(),
            state=self._supervisor.state,
            started_at=self._started_at,
            config_file=config.path,
            processes_min=config.consumers.processes.min,
            processes_max=config.consumers.processes.max,
            wanted=self._fleet.wanted,
            slots=tuple(self._slot(slot) for slot in self._fleet),
            topics=self._topics(),
            master_cpu_s=own_usage.cpu_s(),
            master_rss_bytes=own_usage.rss_bytes(),
            slot_bytes=needed_bytes(geometry_of(config)),
            shm_free_bytes=available_bytes(),
            slots_without_memory=sum(slot.segment is None for slot in self._slots_that_may_be()),
            quarantine=self._quarantine.mark(),
            live=self._live_settings.marks,
            autoscale=self._scaler.status(stopping=self._supervisor.state == "stopping"),
            producers=tuple(
                ProducerObservation(instance=instance, lane=lane) for instance, lane in self._outlets.snapshot()
            ),
        )

    def running(self, slot: Slot) -> tuple[Running, ...]:
        """The handler calls going on in a slot, from its in-flight table."""
        return self._calls(slot, slot.look()[1])

    def _calls(self, slot: Slot, entries: list[Entry]) -> tuple[Running, ...]:
        segment = slot.segment
        return tuple(self._call(segment, entry, slot.child) for entry in entries) if segment is not None else ()

    def _call(self, segment: Segment, entry: Entry, child: Child | None) -> Running:
        topic = segment.geometry.topics[entry.topic]
        return Running(
            thread=None if entry.thread is None else entry.thread + 1,
            topic=topic,
            handler=child.handler_of(topic) if child else topic,
            message_id=self._message_id(Arena(segment).read(entry.frame_at, entry.frame_len))
            if entry.frame_len
            else "",
            attempt=entry.attempt,
            started_at=entry.started_s or entry.received_s,
        )

    def _slot(self, slot: Slot) -> SlotObservation:
        state, since = slot.state(self._clock.monotonic())
        child = slot.child
        counts, running = slot.look()
        consumers = slot.config.consumers
        return SlotObservation(
            slot=slot.number,
            state=state,
            since=since,
            pid=child.pid if child else None,
            started_at=child.forked_at if child else None,
            restarts=slot.restarts,
            crashes=slot.crashes,
            last_exit=slot.last_exit,
            retry_at=slot.retry_at,
            guarded=slot.guarded,
            loop=slot.loop,
            beat_at=slot.beat_at(),
            report=child.report if child else None,
            queued=counts.queued,
            held=counts.done + counts.held,
            running=self._calls(slot, running),
            in_flight_limit=consumers.in_flight,
            buffer_size=consumers.buffer,
            shards=self._fleet.run_by(slot.number),
            stands_in_for=slot.stands_in_for,
        )

    def _leases_end(self, away: frozenset[str]) -> dict[str, float]:
        """Of each of these instances; not to be read at every look: tables have thousands of entries."""
        topics, earliest = self._fleet.config.topics, dict[str, float]()
        for slot in self._fleet:
            for name, ends_at in slot.earliest_leases().items():
                instance = topics[name].instance if name in topics else None
                if instance in away:
                    earliest[instance] = min(ends_at, earliest.get(instance, ends_at))
        return earliest

    def _slots_that_may_be(self) -> Iterator[Slot]:
        """Those beyond them are left from a configuration that was tried, and did not hold."""
        most = self._fleet.config.consumers.processes.max
        return (slot for number, slot in self._fleet.slots.items() if number <= most)

    def _topics(self) -> tuple[TopicObservation, ...]:
        handlers = self._fleet.handlers
        return tuple(
            TopicObservation(
                name=topic.name,
                group=topic.group,
                instance=topic.instance,
                shards=topic.shards,
                time_limit_s=topic.time_limit_s,
                quiet=self._fleet.quiet or self._fleet.quiet_topics.get(topic.name),
                backlog=self._backlogs.of(topic),
                handler=handlers.get(topic.name),
            )
            for topic in self._fleet.config.topics.values()
        )
