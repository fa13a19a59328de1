"""One consumer after the other is replaced; a failing one ends it, one that is no longer wanted does not hold it up."""

from types import SimpleNamespace
from typing import Any

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Consumers, Control, Range
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.restarts import Rules
from sylph_mp.master.rollout import Rollout
from sylph_mp.master.slot import Slot


def config(app: str) -> Config:
    return Config(
        path="/srv/config.toml",
        app=app,
        instances={},
        consumers=Consumers(processes=Range(2, 3), threads=Range(1, 1)),
        topics={},
        control=Control(socket="/srv/sylph.sock"),
    )


OLD, NEW = config("old:app"), config("new:app")


def consumer(*, ready: bool) -> Any:
    """What a rollout asks of a child."""
    told: list[object] = []
    return SimpleNamespace(ready_at=1.0 if ready else None, told=told, stop=told.append)


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet([Slot(n, config=OLD, make=SimpleNamespace, now=0.0) for n in (1, 2, 3)], config=OLD)
    fleet.scale(2)
    for slot in fleet.members:
        slot.child = consumer(ready=True)
    return fleet


@pytest.fixture
def rollout() -> Rollout:
    return Rollout([1, 2, 3], config=NEW, before=OLD, clock=SystemClock())


def test_the_second_waits_until_the_firsts_successor_is_ready(fleet: Fleet, rollout: Rollout) -> None:
    first, second = (slot.child for slot in fleet.members)
    rollout.step(fleet)
    assert (len(first.told), len(second.told)) == (1, 0)
    fleet.slots[1].child = None
    rollout.step(fleet)
    fleet.slots[1].child = successor = consumer(ready=False)
    rollout.step(fleet)
    assert len(second.told) == 0
    successor.ready_at = 2.0
    rollout.step(fleet)
    assert (len(second.told), fleet.slots[1].config, fleet.slots[2].config) == (1, NEW, NEW)
    fleet.slots[2].child = consumer(ready=True)
    rollout.step(fleet)
    assert (rollout.state, rollout.replaced, fleet.slots[3].config) == ("done", [1, 2], NEW)


def test_a_successor_that_dies_ends_it_and_its_slot_goes_back(fleet: Fleet, rollout: Rollout) -> None:
    second = fleet.slots[2].child
    rollout.step(fleet)
    fleet.slots[1].child = None
    fleet.slots[1].die(0.0, rules=Rules())
    rollout.step(fleet)
    assert (rollout.state, rollout.failed_at) == ("failed", fleet.slots[1])
    assert (fleet.slots[1].config, fleet.slots[2].config, second.told) == (OLD, OLD, [])


def test_a_slot_that_is_scaled_away_meanwhile_is_not_waited_for(fleet: Fleet, rollout: Rollout) -> None:
    rollout.step(fleet)
    fleet.slots[1].child = consumer(ready=True)
    rollout.step(fleet)
    fleet.scale(1)
    rollout.step(fleet)
    assert (rollout.state, rollout.replaced) == ("done", [1])
