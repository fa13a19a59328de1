"""What fails is gone back on: a configuration as a whole, a single consumer without touching what was set meanwhile."""

from types import SimpleNamespace
from typing import Any

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.replacer import Replacer
from sylph_mp.master.restarts import Rules
from sylph_mp.master.slot import Slot
from sylph_mp.master.stand_in import StandIn
from tests.unit.master.reloaded import NEW, OLD


class FakeRecycler:
    """Says which slot is due, and hears when it is to wait."""

    def __init__(self) -> None:
        self.due: Slot | None = None
        self.asked: list[bool] = []
        self.postponed = 0

    def step(self, now: float, *, replacing: bool) -> Slot | None:
        self.asked.append(replacing)
        return None if replacing else self.due

    def postpone(self, now: float) -> None:
        self.postponed += 1


class World:
    def __init__(self) -> None:
        *slots, spare = (Slot(n, config=OLD, make=self.make, now=0.0) for n in (1, 2, 3))
        self.fleet = Fleet(slots, spare=spare, config=OLD)
        self.fleet.scale(2)
        for slot in self.fleet.members:
            child: Any = SimpleNamespace(ready_at=1.0, takes_work=True, stop=lambda deadline: None)
            slot.child = child
        self.recycler: Any = FakeRecycler()
        chronicle = Chronicle()
        stand_in = StandIn(fleet=self.fleet, lacks_room=lambda: None, chronicle=chronicle)
        self.replacer = Replacer(
            fleet=self.fleet, recycler=self.recycler, stand_in=stand_in, chronicle=chronicle, clock=SystemClock()
        )

    @staticmethod
    def make(number: int, geometry: object) -> Any:
        return SimpleNamespace(geometry=geometry)

    def fail(self) -> None:
        """The stand-in dies as it starts."""
        self.replacer.step()
        assert self.fleet.spare.needed
        self.fleet.spare.die(0.0, rules=Rules())
        self.replacer.step()


@pytest.fixture
def world() -> World:
    return World()


def test_a_configuration_that_fails_is_not_in_force_any_more(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.replacer.roll_out(NEW)
    assert world.fleet.config is NEW
    assert world.replacer.rolling_out
    world.fail()
    assert world.fleet.config is OLD
    assert not world.replacer.replacing
    assert "slot 3: the new consumer failed (None); 2 go on as before" in caplog.text


def test_a_recycle_that_fails_leaves_the_configuration_and_no_limit_counts_for_a_while(world: World) -> None:
    world.replacer.recycle(1)
    assert not world.replacer.rolling_out
    world.fleet.config = NEW  # somebody has set something
    world.fail()
    assert world.fleet.config is NEW
    assert world.recycler.postponed == 1


def test_who_has_reached_a_limit_is_replaced_and_the_next_waits(world: World) -> None:
    world.recycler.due = world.fleet.slots[2]
    world.replacer.keep_limits(1.0)
    world.replacer.step()
    assert world.fleet.spare.stands_in_for == 2
    world.replacer.keep_limits(2.0)
    assert world.recycler.asked == [False, True]
    world.replacer.abandon()
    assert not world.replacer.replacing
