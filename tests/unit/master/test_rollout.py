"""Consumers are replaced one by one, each behind a stand-in; what fails ends it, what is not wanted is left."""

from types import SimpleNamespace
from typing import Any

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config
from sylph_mp.control.observation import QuietMark
from sylph_mp.errors import ResourceError
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.restarts import Rules
from sylph_mp.master.rollout import Rollout
from sylph_mp.master.slot import Slot
from sylph_mp.master.stand_in import StandIn
from tests.unit.master.reloaded import NEW, OLD


class Consumer:
    """What is asked of a child."""

    def __init__(self, *, ready: bool = True) -> None:
        self.ready_at = 1.0 if ready else None
        self.told: list[object] = []

    @property
    def takes_work(self) -> bool:
        return not self.told

    def stop(self, deadline: object) -> None:
        self.told.append(deadline)


class World:
    """Three slots, two of them wanted; the test does what the supervisor does: it ends consumers and starts others."""

    def __init__(self) -> None:
        self.memory_lacks: str | None = None
        self.room_lacks: str | None = None
        slots = [Slot(n, config=OLD, make=self.make, now=0.0) for n in (1, 2, 3, 4)]
        self.fleet = Fleet(slots[:3], spare=slots[3], config=OLD)
        self.fleet.scale(2)
        self.first, self.second = (self.start(number) for number in (1, 2))
        self.rollout = self.of([1, 2, 3], NEW)

    def of(self, numbers: list[int], config: Config | None) -> Rollout:
        stand_in = StandIn(fleet=self.fleet, lacks_room=lambda: self.room_lacks, chronicle=Chronicle())
        return Rollout(numbers, config=config, stand_in=stand_in, clock=SystemClock())

    def make(self, number: int, geometry: object) -> Any:
        if self.memory_lacks:
            raise ResourceError(self.memory_lacks)
        return SimpleNamespace(geometry=geometry)

    def start(self, number: int, *, ready: bool = True) -> Consumer:
        slot = self.spare if number == self.spare.number else self.fleet.slots[number]
        child: Any = Consumer(ready=ready)
        slot.child = child
        return child  # type: ignore[no-any-return]

    @property
    def spare(self) -> Slot:
        return self.fleet.spare

    def end(self, number: int) -> None:
        slot = self.spare if number == self.spare.number else self.fleet.slots[number]
        slot.child = slot.segment = None

    def step(self) -> tuple[bool, bool]:
        """Whether the first and the second drain after it."""
        self.rollout.step(self.fleet)
        return bool(self.first.told), bool(self.second.told)


@pytest.fixture
def world() -> World:
    return World()


def test_each_drains_when_its_stand_in_is_ready_and_the_next_waits_for_its_successor(world: World) -> None:
    assert world.step() == (False, False)
    assert (world.spare.stands_in_for, world.spare.config, world.fleet.slots[1].config) == (1, NEW, OLD)
    stand_in = world.start(4, ready=False)
    assert world.step() == (False, False)
    stand_in.ready_at = 1.0
    assert world.step() == (True, False)
    assert (world.fleet.slots[1].config, world.fleet.slots[2].config) == (NEW, OLD)

    world.end(1)
    successor = world.start(1, ready=False)
    assert world.step() == (True, False)
    assert world.spare.stands_in_for == 1
    successor.ready_at = 2.0
    assert world.step() == (True, True)
    assert world.spare.stands_in_for == 2

    world.end(2)
    world.start(2)
    world.step()
    assert (world.rollout.state, world.rollout.replaced, world.fleet.slots[3].config) == ("done", [1, 2], NEW)
    assert world.spare.stands_in_for is None


def test_a_stand_in_that_dies_ends_it_before_anything_is_replaced(world: World) -> None:
    world.step()
    world.start(4, ready=False)
    world.end(4)
    world.spare.die(0.0, rules=Rules())
    assert world.step() == (False, False)
    assert (world.rollout.state, world.rollout.failed_at) == ("failed", world.spare)
    assert (world.fleet.slots[1].config, world.spare.stands_in_for) == (OLD, None)


def test_a_successor_that_dies_ends_it_and_its_slot_goes_back(world: World) -> None:
    world.step()
    world.start(4)
    world.step()
    world.end(1)
    world.fleet.slots[1].die(0.0, rules=Rules())
    assert world.step() == (True, False)
    assert (world.rollout.state, world.rollout.failed_at) == ("failed", world.fleet.slots[1])
    assert (world.fleet.slots[1].config, world.fleet.slots[2].config, world.spare.stands_in_for) == (OLD, OLD, None)


@pytest.mark.parametrize("lacks", ["memory_lacks", "room_lacks"])
def test_without_room_for_one_more_it_drains_at_once_and_that_is_said(
    world: World, lacks: str, caplog: pytest.LogCaptureFixture
) -> None:
    setattr(world, lacks, "too little of it")
    assert world.step() == (True, False)
    assert [line.getMessage() for line in caplog.records] == ["replaced without a stand-in: too little of it"]
    assert not world.spare.needed


@pytest.mark.parametrize("state", ["starting", "absent", "quiet", "all quiet"])
def test_where_no_shards_are_run_nobody_stands_in(world: World, state: str) -> None:
    mark, slot = QuietMark(since_wall=0.0, by="ops"), world.fleet.slots[1]
    match state:
        case "starting":
            world.first.ready_at = None
        case "absent":
            world.end(1)
        case "quiet":
            slot.quiet = mark
        case "all quiet":
            world.fleet.quiet = mark
    world.step()
    assert (slot.config, world.spare.needed) == (NEW, False)


def test_a_slot_that_is_scaled_away_meanwhile_is_not_waited_for(world: World) -> None:
    world.step()
    world.start(4)
    world.step()
    world.end(1)
    world.start(1)
    world.fleet.scale(1)
    world.step()
    assert (world.rollout.state, world.rollout.replaced) == ("done", [1])


def test_a_slot_that_is_scaled_away_while_its_stand_in_starts_is_left(world: World) -> None:
    world.rollout = world.of([2], NEW)
    world.step()
    world.fleet.scale(1)
    assert world.step() == (False, False)
    assert (world.rollout.state, world.fleet.slots[2].config, world.spare.stands_in_for) == ("done", NEW, None)


def test_a_stand_in_that_got_work_of_its_own_is_not_waited_for(world: World) -> None:
    world.step()
    world.fleet.make_room(4, lambda number: Slot(number, config=OLD, make=world.make, now=0.0))
    world.fleet.scale(4)
    assert world.step() == (True, False)


def test_the_next_stand_in_waits_until_the_last_one_has_ended(world: World) -> None:
    world.rollout = world.of([1], None)
    world.start(4)
    assert world.step() == (False, False)
    assert world.spare.stands_in_for is None
    world.end(4)
    assert world.step() == (False, False)
    assert world.spare.stands_in_for == 1


def test_what_is_recycled_may_be_added_to_but_not_twice(world: World) -> None:
    rollout = world.rollout = world.of([1], None)
    assert rollout.recycles
    assert not world.of([1], NEW).recycles
    world.step()
    for number in (1, 2, 2):
        rollout.add(number)
    world.start(4)
    assert world.step() == (True, False)
    world.end(1)
    world.start(1)
    assert world.step() == (True, True)
    world.end(2)
    world.start(2)
    world.step()
    assert (rollout.state, rollout.replaced) == ("done", [1, 2])
    assert {slot.config.app for slot in world.fleet} == {"old:app"}
