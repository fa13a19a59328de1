"""Which slots are wanted, and where shards go while some consumers do not take work or do not know a topic."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from sylph_mp.config.schema import Config, Consumers, Control, Range, Topic
from sylph_mp.control.observation import QuietMark
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import Assign

MARK = QuietMark(since_wall=0.0, by="ops")


@dataclass
class Consumer:
    """What the fleet asks of a child."""

    config: Any
    takes_work: bool = True
    told: list[Assign] = field(default_factory=list)

    def assign(self, assign: Assign) -> None:
        self.told.append(assign)

    @property
    def shards(self) -> list[str]:
        return [f"{shard.topic}/{shard.number}" for shard in self.told[-1].shards]


def config(**shards: int) -> Config:
    return Config(
        path="/srv/config.toml",
        app="app:app",
        instances={},
        consumers=Consumers(processes=Range(1, 4), threads=Range(2, 8)),
        topics={name: Topic(name=name, instance="default", group="g", shards=count) for name, count in shards.items()},
        control=Control(socket="/srv/sylph.sock"),
    )


def fleet_of(consumers: int, made: Config) -> tuple[Fleet, list[Any]]:
    fleet = Fleet([Slot(n, config=made, make=SimpleNamespace, now=0.0) for n in range(1, 5)], config=made)
    fleet.scale(consumers)
    children = []
    for slot in fleet.members:
        slot.child = child = Consumer(made)  # type: ignore[assignment]  # all that the fleet asks of it
        children.append(child)
    fleet.open = True
    return fleet, children


def test_scaling_fills_the_lowest_and_empties_the_highest() -> None:
    fleet, _ = fleet_of(3, config(orders=1))
    fleet.scale(1)
    fleet.slots[3].wanted = True
    assert [slot.number for slot in fleet.members] == [1, 3]
    fleet.scale(3)
    assert [slot.number for slot in fleet.members] == [1, 2, 3]


def test_nothing_is_assigned_before_the_fleet_is_open() -> None:
    fleet, (child,) = fleet_of(1, config(orders=1))
    fleet.open = False
    fleet.assign()
    assert child.told == []


def test_shards_leave_a_consumer_that_takes_no_work() -> None:
    fleet, (first, second) = fleet_of(2, config(orders=4))
    fleet.assign()
    assert (first.shards, second.shards) == (["orders/0", "orders/1"], ["orders/2", "orders/3"])
    first.takes_work = False
    fleet.assign()
    assert second.shards == ["orders/0", "orders/1", "orders/2", "orders/3"]
    assert len(first.told) == 1


def test_a_quiet_topic_slot_or_fleet_gets_no_shards() -> None:
    fleet, (first, second) = fleet_of(2, config(orders=2, refunds=2))
    fleet.quiet_topics["orders"] = MARK
    fleet.slots[1].quiet = MARK
    fleet.assign()
    assert (first.shards, second.shards) == ([], ["refunds/0", "refunds/1"])
    fleet.quiet = MARK
    fleet.assign()
    assert second.shards == []


def test_a_new_topic_goes_only_to_consumers_that_know_it() -> None:
    """As while a reload goes on: an old consumer has no handler, no segment line, no session for it."""
    old, new = config(orders=2), config(orders=2, refunds=3)
    fleet, (first, second) = fleet_of(2, old)
    fleet.config = second.config = new
    fleet.assign()
    assert first.shards == ["orders/0"]
    assert second.shards == ["orders/1", "refunds/0", "refunds/1", "refunds/2"]


def test_threads_are_those_of_the_configuration() -> None:
    fleet, (child,) = fleet_of(1, config(orders=1))
    fleet.assign()
    assert child.told[-1].threads == 8
