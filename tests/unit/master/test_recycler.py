"""Consumers that have reached a limit are drained one at a time, and only while all slots are well."""

import logging
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Consumers, Control, Range, Recycle
from sylph_mp.control.observation import CrashLoop
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.recycler import Recycler
from sylph_mp.master.slot import Slot
from tests.unit.control.observed import report
from tests.unit.master.autoscaled import host

MIB = 1 << 20
GIB = 1 << 30
CONFIG = Config(
    path="/srv/config.toml",
    app="app:app",
    instances={},
    consumers=Consumers(
        processes=Range(3, 3), threads=Range(1, 1), recycle=Recycle(messages=1000, memory=512 * MIB, age_s=3600)
    ),
    topics={},
    control=Control(socket="/srv/sylph.sock"),
)


class Consumer:
    """What is asked of a child."""

    ready_at: float | None = 1.0
    forked_at = 0.0
    deadline: Deadline | None = None

    def __init__(self) -> None:
        self.use()

    def use(self, *, messages: int = 0, rss_bytes: int = 100 * MIB) -> None:
        self.report = report(1.0, rss_bytes=rss_bytes)
        self.calls_begun = messages

    def stop(self, deadline: Deadline) -> None:
        self.deadline = deadline


class Lots(Random):
    """As if the limits of all held to the letter."""

    def random(self) -> float:
        return 0.0


class World:
    def __init__(self) -> None:
        slots = [Slot(n, config=CONFIG, make=SimpleNamespace, now=0.0) for n in (1, 2, 3, 4)]
        self.fleet = Fleet(slots[:3], spare=slots[3], config=CONFIG)
        self.fleet.scale(3)
        self.consumers = {slot.number: self.replace(slot) for slot in self.fleet.members}
        self.host = host()
        self.recycler = Recycler(
            fleet=self.fleet, host=lambda: self.host, random=Lots(), chronicle=Chronicle(), clock=SystemClock()
        )
        self.step()

    def limit(self, limits: Recycle) -> None:
        config = self.fleet.config
        self.fleet.config = replace(config, consumers=replace(config.consumers, recycle=limits))

    def replace(self, slot: Slot) -> Consumer:
        child: Any = Consumer()
        slot.child = child
        return child

    def step(self, now: float = 10.0, *, replacing: bool = False) -> list[int]:
        """Slots that drain after it: the one that is due is replaced without a stand-in."""
        slot = self.recycler.step(now, replacing=replacing)
        if slot is not None:
            slot.recycle(Deadline.after(5.0, SystemClock()))
        return [number for number, child in self.fleet.children().items() if child.deadline is not None]


@pytest.fixture
def world() -> World:
    return World()


def test_a_limit_drains_it_and_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.consumers[2].use(messages=1000)
    with caplog.at_level(logging.INFO, logger="sylph_mp"):
        assert world.step() == [2]
    assert [(line.sylph_who, line.sylph_event, line.getMessage()) for line in caplog.records] == [  # type: ignore[attr-defined]
        ("slot 2", "recycled", "has handled 1,000 messages, limit 1,000")
    ]
    assert world.fleet.slots[2].state(10.0)[0] == "recycling"


def test_the_next_waits_until_the_successor_is_ready(world: World) -> None:
    world.consumers[1].use(messages=1001)
    world.consumers[2].use(messages=1000)
    assert world.step() == [1]
    assert world.step() == [1]
    world.fleet.slots[1].child = None
    assert world.step() == []
    successor = world.replace(world.fleet.slots[1])
    successor.ready_at = None
    assert world.step() == []
    successor.ready_at = 2.0
    assert world.step() == [2]


def test_a_slot_that_gave_up_or_hangs_holds_it_up(world: World) -> None:
    world.consumers[1].use(messages=1000)
    world.fleet.slots[3].hung = True
    assert world.step() == []
    world.fleet.slots[3].hung = False
    world.fleet.slots[3].child = None
    world.fleet.slots[3].loop = CrashLoop(crashes=5, within_s=9.0)
    assert world.step() == []


def test_age_counts_from_the_fork(world: World) -> None:
    assert world.step(3599.0) == []
    world.fleet.slots[2].child.forked_at = 100.0  # type: ignore[union-attr]  # it is there
    world.fleet.slots[3].child.forked_at = 100.0  # type: ignore[union-attr]
    assert world.step(3600.0) == [1]


def test_no_limit_counts_while_others_are_replaced_or_soon_after_that_failed(world: World) -> None:
    world.consumers[1].use(messages=1000)
    assert world.step(replacing=True) == []
    world.recycler.postpone(10.0)
    assert world.step(69.9) == []
    assert world.step(70.0) == [1]


def test_the_guard_acts_while_others_are_replaced(world: World) -> None:
    world.consumers[2].use(rss_bytes=400 * MIB)
    world.host = host(memory_bytes=2 * GIB, memory_free_bytes=50 * MIB)
    assert world.step(20.0, replacing=True) == [2]


def test_one_more_consumer_has_room_if_the_smallest_fits_beside_the_reserve(world: World) -> None:
    world.host = host(memory_bytes=2 * GIB, memory_free_bytes=203 * MIB)
    assert world.recycler.lacks_room() is None
    world.host = host(memory_bytes=2 * GIB, memory_free_bytes=202 * MIB)
    assert world.recycler.lacks_room() == "202 MiB of memory are left, and it may need 100 MiB"


def test_the_guard_acts_beside_a_slot_that_is_down_and_leaves_a_mark(world: World) -> None:
    world.fleet.slots[3].child = None
    world.consumers[2].use(rss_bytes=400 * MIB)
    assert world.step() == []
    world.host = host(memory_bytes=2 * GIB, memory_free_bytes=50 * MIB)
    assert world.step(20.0) == [2]
    mark = world.fleet.slots[2].guarded
    assert mark is not None
    assert (mark.at, mark.rss_bytes, mark.total_bytes) == (20.0, 400 * MIB, 2 * GIB)
    assert mark.used_ratio == pytest.approx(1 - 50 / 2048)
    assert world.step(21.0) == [2]


def test_the_guard_waits_to_see_what_the_first_gave_back(world: World) -> None:
    world.consumers[1].use(rss_bytes=400 * MIB)
    world.consumers[2].use(rss_bytes=500 * MIB)
    world.host = host(memory_bytes=2 * GIB, memory_free_bytes=50 * MIB)
    assert world.step(20.0) == [2]
    assert world.step(21.0) == [2]
    world.replace(world.fleet.slots[2])
    assert world.step(22.9) == []
    assert world.step(23.0) == [1]


def test_a_consumer_that_begins_at_the_limit_is_told_of_once_and_left(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.replace(world.fleet.slots[1]).use(rss_bytes=512 * MIB)
    with caplog.at_level(logging.WARNING, logger="sylph_mp"):
        assert world.step() == []
        assert world.step() == []
    assert len(caplog.records) == 1
    assert "begins with 512 MiB" in caplog.records[0].getMessage()


def test_a_limit_that_is_set_below_what_it_began_with_is_told_of(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="sylph_mp"):
        world.limit(Recycle(memory=100 * MIB))
        assert world.step() == []
        assert world.step() == []
    assert [line.sylph_who for line in caplog.records] == ["slot 1", "slot 2", "slot 3"]  # type: ignore[attr-defined]
