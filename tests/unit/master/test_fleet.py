"""Which slots are wanted, and where shards go while some consumers do not take work or do not know a topic."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from sylph_mp.config.schema import Config, Consumers, Control, Range, Topic
from sylph_mp.control.observation import QuietMark
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.moves import Load, Move
from sylph_mp.master.placement import place
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import Assign, Shard

MARK = QuietMark(since_wall=0.0, by="ops")


@dataclass
class Consumer:
    """What the fleet asks of a child."""

    config: Any
    takes_work: bool = True
    ready_at: float | None = 1.0
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


def slot(number: int, made: Config) -> Slot:
    return Slot(number, config=made, make=SimpleNamespace, now=0.0)


def fleet_of(consumers: int, made: Config) -> tuple[Fleet, list[Any]]:
    slots = [slot(number, made) for number in range(1, 5)]
    fleet = Fleet(slots, spare=slot(5, made), config=made)
    fleet.scale(consumers)
    children = []
    for member in fleet.members:
        member.child = child = Consumer(made)  # type: ignore[assignment]  # all that the fleet asks of it
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


def test_a_pinned_topic_stays_on_its_slots_and_others_are_spread_over_all() -> None:
    made = config(orders=4, refunds=3)
    pinned = {"orders": replace(made.topics["orders"], slots=(2, 3, 9)), "refunds": made.topics["refunds"]}
    fleet, children = fleet_of(3, replace(made, topics=pinned))
    fleet.assign()
    assert [sum(shard.startswith("orders") for shard in child.shards) for child in children] == [0, 2, 2]
    assert [sum(shard.startswith("refunds") for shard in child.shards) for child in children] == [1, 1, 1]
    fleet.slots[2].quiet = MARK
    fleet.assign()
    assert [sum(shard.startswith("orders") for shard in child.shards) for child in children] == [0, 0, 4]


def test_what_moves_for_its_weight_is_told_and_nothing_else_that_moves_then() -> None:
    fleet, (first, second) = fleet_of(2, config(cold=1, hot=1, mild=1, warm=1))
    fleet.assign()
    assert (first.shards, second.shards) == (["cold/0", "mild/0"], ["hot/0", "warm/0"])
    assert fleet.weigh({"cold": 0.0, "mild": 1.0, "hot": 4.0, "warm": 2.5}) == [
        Move(
            shard=Shard("cold", 0),
            weight=0.0,
            source=1,
            target=2,
            source_load=Load(before=1.0, after=3.5),
            target_load=Load(before=6.5, after=4.0),
        ),
        Move(
            shard=Shard("warm", 0),
            weight=2.5,
            source=2,
            target=1,
            source_load=Load(before=6.5, after=4.0),
            target_load=Load(before=1.0, after=3.5),
        ),
    ]
    assert (first.shards, second.shards) == (["mild/0", "warm/0"], ["cold/0", "hot/0"])
    second.takes_work = False
    assert fleet.weigh(fleet.weights) == []
    assert first.shards == ["cold/0", "hot/0", "mild/0", "warm/0"]


def test_who_stands_in_runs_the_shards_of_its_slot_alone_until_the_successor_is_ready() -> None:
    made = config(orders=4)
    fleet, (first, second) = fleet_of(2, replace(made, topics={"orders": replace(made.topics["orders"], slots=(1, 2))}))
    fleet.assign()
    stand_in = Consumer(made, ready_at=None)
    fleet.spare.stands_in_for, fleet.spare.child = 2, stand_in  # type: ignore[assignment]  # all that the fleet asks
    fleet.assign()
    assert stand_in.shards == []

    stand_in.ready_at = 2.0
    fleet.assign()
    assert (second.shards, stand_in.shards) == (["orders/2", "orders/3"], [])

    second.takes_work = False
    fleet.assign()
    assert (first.shards, stand_in.shards) == (["orders/0", "orders/1"], ["orders/2", "orders/3"])
    assert [shard.number for shard in fleet.run_by(5)] == [2, 3]
    assert fleet.run_by(2) == ()

    successor = Consumer(made, ready_at=None)
    fleet.slots[2].child = successor  # type: ignore[assignment]
    fleet.assign()
    assert (successor.shards, stand_in.shards) == ([], ["orders/2", "orders/3"])
    successor.ready_at = 3.0
    fleet.assign()
    assert (successor.shards, stand_in.shards, first.shards) == (
        ["orders/2", "orders/3"],
        [],
        ["orders/0", "orders/1"],
    )


def test_of_a_stand_in_that_is_gone_the_others_run_the_shards() -> None:
    fleet, (first, second) = fleet_of(2, config(orders=2))
    stand_in = Consumer(second.config)
    fleet.spare.stands_in_for, fleet.spare.child = 2, stand_in  # type: ignore[assignment]
    second.takes_work = False
    fleet.assign()
    assert (first.shards, stand_in.shards) == (["orders/0"], ["orders/1"])
    stand_in.takes_work = False
    fleet.assign()
    assert first.shards == ["orders/0", "orders/1"]


def test_room_for_more_takes_in_the_spare_slot_and_has_another_one_above() -> None:
    made = config(orders=1)
    fleet, _ = fleet_of(4, made)
    spare = fleet.spare
    fleet.make_room(7, lambda number: slot(number, made))
    assert (fleet.slots[5], sorted(fleet.slots), fleet.spare.number) == (spare, [1, 2, 3, 4, 5, 6, 7], 8)
    fleet.make_room(3, lambda number: slot(number, made))
    assert (len(fleet.slots), fleet.spare.number) == (7, 8)


def test_scaling_up_takes_who_stands_in_only_when_no_other_slot_is_free() -> None:
    made = config(orders=1)
    fleet, _ = fleet_of(4, made)
    fleet.spare.stands_in_for = 2
    fleet.make_room(6, lambda number: slot(number, made))
    fleet.scale(5)
    assert [member.number for member in fleet.members] == [1, 2, 3, 4, 6]
    assert fleet.slots[5].stands_in_for == 2
    fleet.scale(6)
    assert fleet.slots[5].wanted
    assert fleet.slots[5].stands_in_for is None


def test_threads_begin_with_the_fewest_and_stay_within_what_the_consumer_has_room_for() -> None:
    fleet, (child,) = fleet_of(1, config(orders=1))
    for wanted, told in ((fleet.threads, 2), (5, 5), (100, 8), (1, 1)):
        fleet.threads = wanted
        fleet.assign()
        assert child.told[-1].threads == told


def test_nothing_is_placed_anew_while_nothing_changes(monkeypatch):
    made = config(orders=4, refunds=2)
    fleet, _ = fleet_of(2, made)
    placed = []
    monkeypatch.setattr("sylph_mp.master.fleet.place", lambda *args, **more: placed.append(1) or place(*args, **more))
    for _ in range(5):
        fleet.assign()
    settled = len(placed)
    fleet.assign()
    assert len(placed) == settled
    fleet.weights = dict(fleet.weights)
    fleet.assign()
    assert len(placed) == settled
    for change in (
        lambda: setattr(fleet, "weights", {"orders": 3.0}),
        lambda: setattr(fleet, "config", replace(made, topics=dict(made.topics))),
        lambda: fleet.quiet_topics.update(orders=MARK),
        lambda: setattr(fleet.members[0], "quiet", MARK),
        lambda: setattr(fleet.members[0], "quiet", None),
        lambda: setattr(fleet, "quiet", MARK),
    ):
        before = len(placed)
        change()
        fleet.assign()
        assert len(placed) >= before + (fleet.quiet is None)
    assert fleet.run_by(1) == ()
