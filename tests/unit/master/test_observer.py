"""A look at a slot reads its shared memory: what runs, what waits, and when its consumer last gave a sign of life."""

import os
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Consumers, Control, Range, Topic
from sylph_mp.control.observation import QuarantineMark
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.observer import Observer
from sylph_mp.master.slot import Slot
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment, segment_name
from sylph_mp.shm.table import ASYNC_THREAD, Table
from sylph_mp.shm.vitals import VitalsWriter
from tests.unit.control.observed import instance, report

PID = 4711
QUARANTINE = QuarantineMark(messages=2, since_wall=1_000.0)


@pytest.fixture
def config() -> Config:
    return Config(
        path="/srv/config.toml",
        app="app:app",
        instances={},
        consumers=Consumers(processes=Range(1, 1), threads=Range(4, 4), buffer=1 << 16, in_flight=64),
        topics={name: Topic(name=name, instance="default", group="g") for name in ("orders", "refunds")},
        control=Control(socket="/srv/sylph.sock"),
    )


@pytest.fixture
def slot(config: Config) -> Iterator[Slot]:
    def make(number: int, geometry: Geometry) -> Segment:
        name = segment_name(f"sylph-observer-{os.getpid()}-", number)
        return Segment.create(name, slot=number, geometry=geometry, master_pid=os.getpid())

    slot = Slot(1, config=config, make=make, now=0.0)
    slot.reserve()
    yield slot
    slot.release()


def child(**handlers: str) -> Any:
    """All that is asked of one here."""
    return SimpleNamespace(
        pid=PID + 1,
        forked_at=1.0,
        report=None,
        deadline=None,
        ready_at=None,
        handler_of=lambda topic: handlers.get(topic, topic),
        handlers=handlers,
    )


def observe(*slots: Slot, config: Config, state: str = "running") -> Any:
    supervisor: Any = SimpleNamespace(state=state)
    fleet = Fleet(slots, spare=Slot(99, config=config, make=SimpleNamespace, now=0.0), config=config)
    quarantine: Any = SimpleNamespace(mark=lambda: QUARANTINE)
    scaler: Any = SimpleNamespace(status=lambda *, stopping: "stopping" if stopping else None)
    settings: Any = SimpleNamespace(marks=())
    outlets: Any = SimpleNamespace(snapshot=list)
    backlogs: Any = SimpleNamespace(of=lambda topic: 7)
    return Observer(
        fleet=fleet,
        supervisor=supervisor,
        scaler=scaler,
        quarantine=quarantine,
        live_settings=settings,
        outlets=outlets,
        backlogs=backlogs,
        message_id=bytes.decode,
        clock=SystemClock(),
    ).observe()


def test_what_lies_in_the_table(slot: Slot, config: Config) -> None:
    assert slot.segment is not None
    table, arena = Table(slot.segment), Arena(slot.segment)
    arena.write(100, b"01A2")
    for index, topic in enumerate((1, 0, 0, 0, 0)):
        table.put(index, topic, 3, 0, 0, 100, 4, 9 * 10**9, 10**9)
    table.put(5, 0, 1, 0, 0, 0, 0, 9 * 10**9, 10**9)
    table.start(0, 2, 5 * 10**9)
    table.start(5, ASYNC_THREAD, 6 * 10**9)
    table.finish(1, 1, 0)
    slot.child = child(refunds="pay_back")
    observed = observe(slot, config=config)
    assert observed.quarantine == QUARANTINE
    seen = observed.slots[0]
    assert (seen.queued, seen.held, len(seen.running)) == (3, 1, 2)
    assert {topic.name: topic.handler for topic in observed.topics} == {"orders": None, "refunds": "pay_back"}
    of_thread, of_loop = seen.running
    assert (of_thread.thread, of_thread.topic, of_thread.message_id) == (3, "refunds", "01A2")
    assert (of_thread.handler, of_loop.handler) == ("pay_back", "orders")
    assert (of_thread.attempt, of_thread.started_at) == (3, 5.0)
    assert (of_loop.thread, of_loop.message_id) == (None, "")


def test_the_first_lease_to_end_is_read_while_an_instance_is_away(
    slot: Slot, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slot.segment is not None
    table = Table(slot.segment)
    now = time.monotonic()
    for index, lease_s in enumerate((now + 40, now + 20)):
        table.put(index, index, 1, 0, 0, 0, 0, int(lease_s * 1e9), 10**9)
    slot.child = child()
    slot.child.report = report(now, instances=(instance(answered_at=now - 24.0, failing_since=now - 23.0),))
    assert observe(slot, config=config).leases_end == {"default": pytest.approx(now + 20)}
    slot.child.report = report(now, instances=(instance(answered_at=now),))
    monkeypatch.setattr(Table, "earliest_leases", lambda self: pytest.fail("read though nothing is away"))
    assert observe(slot, config=config).leases_end == {}


def test_leases_of_an_instance_that_answers_and_of_a_topic_that_is_no_more_do_not_count(
    slot: Slot, config: Config
) -> None:
    assert slot.segment is not None
    table, now = Table(slot.segment), time.monotonic()
    table.put(0, 0, 1, 0, 0, 0, 0, int((now + 20) * 1e9), 10**9)
    table.put(1, 1, 1, 0, 0, 0, 0, int((now + 40) * 1e9), 10**9)
    slot.child = child()
    slot.child.report = report(now, instances=(instance(answered_at=now - 24.0, failing_since=now - 23.0),))
    elsewhere = replace(config.topics["orders"], instance="other")
    other = replace(config, topics=config.topics | {"orders": elsewhere})
    assert observe(slot, config=other).leases_end == {"default": pytest.approx(now + 40)}
    gone = replace(config, topics={"refunds": config.topics["refunds"]})
    assert observe(slot, config=gone).leases_end == {"default": pytest.approx(now + 40)}


def test_only_slots_that_there_may_be_are_without_memory(slot: Slot, config: Config) -> None:
    left = Slot(2, config=config, make=SimpleNamespace, now=0.0)
    assert observe(slot, left, config=config).slots_without_memory == 0
    two = replace(config, consumers=replace(config.consumers, processes=Range(1, 2)))
    assert observe(slot, left, config=two).slots_without_memory == 1


def test_a_predecessors_heartbeat_and_counters_are_not_taken_for_the_consumers(slot: Slot, config: Config) -> None:
    assert slot.segment is not None
    vitals = VitalsWriter(slot.segment)
    vitals.open(PID, 7 * 10**9)
    vitals.count(0, range(9))
    slot.child = child()
    assert observe(slot, config=config).slots[0].beat_at is None
    assert slot.final_counters(PID + 1) is None
    vitals.open(PID + 1, 8 * 10**9)
    assert observe(slot, config=config).slots[0].beat_at == 8.0
    assert slot.final_counters(PID + 1)["orders"]["received"] == 0


def test_the_autoscaler_is_told_that_the_fleet_stops(slot: Slot, config: Config) -> None:
    assert observe(slot, config=config).autoscale is None
    assert observe(slot, config=config, state="stopping").autoscale == "stopping"


def test_clearing_a_slot_forgets_what_was_held(slot: Slot, config: Config) -> None:
    assert slot.segment is not None
    table = Table(slot.segment)
    for index in range(3):
        table.put(index, 0, 1, 0, 0, 0, 0, 1, 1)
    table.start(0, 0, 1)
    slot.clear()
    seen = observe(slot, config=config).slots[0]
    assert (seen.queued, seen.running) == (0, ())


def test_a_changed_geometry_gets_a_new_segment_and_the_same_one_is_kept(slot: Slot, config: Config) -> None:
    before = slot.segment
    assert slot.reserve() is before
    slot.config = Config(
        **{name: getattr(config, name) for name in config.__struct_fields__}
        | {"topics": config.topics | {"more": Topic(name="more", instance="default", group="g")}}
    )
    after = slot.reserve()
    assert after is not before
    assert after.geometry.topics == ("orders", "refunds", "more")
