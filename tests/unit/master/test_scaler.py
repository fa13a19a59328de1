"""What the autoscaler decides is done to the fleet, unless somebody holds it."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from sylph_mp.config.schema import Config, Consumers, Control, Range, Topic
from sylph_mp.control.observation import QuietMark
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.master.autoscaler import Pace
from sylph_mp.master.backlogs import Count
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.scaler import Scaler
from sylph_mp.master.slot import Slot
from tests.unit.control.observed import counters, instance, report, topic_report
from tests.unit.master.autoscaled import host

MARK = QuietMark(since_wall=0.0, by="ops")


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now


class Consumer:
    """What is asked of a child."""

    takes_work = True
    ready_at = 1.0
    killed_for = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.report: Any = None

    def stop(self, deadline: Deadline) -> None:
        self.takes_work = False


class World:
    """A fleet in which each consumer is as busy as is said."""

    def __init__(
        self,
        *,
        processes: Range = Range(1, 4),  # noqa: B008 - frozen
        threads: Range = Range(8, 8),  # noqa: B008 - frozen
        rate: float = 0.0,
    ) -> None:
        self.config = Config(
            path="/srv/config.toml",
            app="app:app",
            instances={},
            consumers=Consumers(processes=processes, threads=threads),
            topics={"orders": Topic(name="orders", instance="default", group="g", shards=8, rate=rate)},
            control=Control(socket="/srv/sylph.sock"),
            places={"consumers.processes": "config.toml:9:13"},
        )
        self.clock = Clock()
        slots = [Slot(n, config=self.config, make=SimpleNamespace, now=0.0) for n in range(1, 6)]
        for slot in slots:
            slot.segment = SimpleNamespace()  # type: ignore[assignment]  # it has its memory
        self.fleet = Fleet(slots[:4], spare=slots[4], config=self.config)
        self.fleet.scale(processes.min)
        probe: Any = SimpleNamespace(look=lambda now: host())
        self.count: Count | None = None
        backlogs: Any = SimpleNamespace(count=lambda topic: self.count)
        self.scaler = Scaler(
            fleet=self.fleet, probe=probe, backlogs=backlogs, pace=Pace(), clock=self.clock, log=Log("master")
        )
        self.busy_s = self.done = 0.0

    def go_on(self, seconds: int, *, busy: float, done: float, comes: float = 0, away: bool = False) -> None:
        for _ in range(seconds):
            self.clock.now += 1.0
            self.busy_s += busy
            self.done += done
            came = self.done * (comes / done if done else 1)
            for slot in self.fleet.members:
                slot.child = slot.child or Consumer(1000 + slot.number)  # type: ignore[assignment]  # all that is asked
                topic = topic_report(counters=counters(received=int(came), started=int(self.done)), run_s=self.busy_s)
                since = self.clock.now - 20
                instances = (instance(answered_at=since, failing_since=since),) if away else ()
                slot.child.report = report(  # type: ignore[union-attr]  # it was set
                    self.clock.now, topic, busy_s=self.busy_s, threads=self.fleet.threads, instances=instances
                )
            self.scaler.step(self.clock.now, replacing=False)

    def overload(self, **what: Any) -> None:
        self.go_on(6, busy=8, done=160, comes=480, **what)


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="sylph_mp")


def test_the_fleet_wants_what_was_decided_and_the_history_says_why() -> None:
    world = World()
    world.overload()
    assert world.fleet.wanted == 4
    line = world.scaler.status().history[0]
    assert (line.consumers_before, line.consumers_after, line.refused) == (1, 4, False)
    assert "threads 100 % busy" in line.why


def test_threads_wanted_are_those_that_consumers_are_told() -> None:
    world = World(threads=Range(8, 64))
    world.overload()
    assert world.fleet.wanted == 1
    assert world.fleet.threads > 8
    line = world.scaler.status().history[0]
    assert (line.threads_before, line.threads_after) == (8, world.fleet.threads)


def test_what_somebody_set_holds_until_it_is_released() -> None:
    world = World()
    world.scaler.set(2, by="root")
    world.overload()
    status = world.scaler.status()
    assert (world.fleet.wanted, status.mode, status.held_by) == (2, "held", "root")
    assert status.wish is not None
    assert status.wish.startswith("2 to 4 consumers: threads 100 % busy")
    assert [line.refused for line in status.history] == [True, False]
    world.scaler.release(by="root")
    world.overload()
    assert (world.fleet.wanted, world.scaler.status().mode) == (4, "automatic")


def test_while_the_fleet_stops_nothing_is_said_to_hold() -> None:
    world = World()
    world.overload()
    assert "holding" in world.scaler.status().sentence
    assert world.scaler.status(stopping=True).sentence.startswith("the fleet is stopping, ")


def test_a_release_leads_back_into_the_bounds() -> None:
    world = World(processes=Range(3, 3))
    world.scaler.set(1, by="root")
    world.scaler.release(by="root")
    assert world.fleet.wanted == 3


def test_a_refused_wish_is_one_line() -> None:
    world = World(processes=Range(1, 1), threads=Range(8, 8))
    world.overload()
    world.overload()
    assert [line.why.split(":")[0] for line in world.scaler.status().history] == ["refused"]
    assert "wanted 4, but processes.max is 1 (config.toml" in world.scaler.status().history[0].why


@pytest.mark.parametrize("cause", ["quiet", "away", "replacing"])
def test_it_does_nothing_while_the_figures_mean_nothing(cause: str) -> None:
    world = World()
    if cause == "quiet":
        world.fleet.quiet = MARK
    if cause == "replacing":
        step = world.scaler.step
        world.scaler.step = lambda now, *, replacing: step(now, replacing=True)  # type: ignore[method-assign]
    world.overload(away=cause == "away")
    assert world.fleet.wanted == 1
    sentence = world.scaler.status().sentence
    words = {"quiet": "by ops", "away": "broker default does not answer", "replacing": "consumers are being replaced"}
    assert words[cause] in sentence


def test_what_the_others_do_while_one_is_recycled_is_no_reason_to_grow() -> None:
    world = World(processes=Range(2, 4))
    world.go_on(3, busy=4, done=80)
    world.fleet.slots[2].recycle(Deadline(200.0))
    world.overload()
    assert world.fleet.wanted == 2
    world.fleet.slots[2].child.exit_code = 0  # type: ignore[union-attr]  # it is there
    world.fleet.slots[2].vacate()
    world.overload()
    assert world.fleet.wanted == 4


def test_it_looks_once_a_second_however_often_it_is_stepped() -> None:
    world = World()
    world.go_on(3, busy=1, done=10)
    looks = []
    world.scaler._probe = SimpleNamespace(look=lambda now: looks.append(now) or host())  # counts the looks
    for fifth in range(11):
        world.scaler.step(world.clock.now + 1 + fifth / 5, replacing=False)
    assert len(looks) == 3


def let_the_backlog_rise(world: World) -> None:
    """By 100 messages a second, before consumers that are 70 % busy."""
    for count in range(5):
        world.count = Count(world.clock.now, 1000 + 500 * count)
        world.go_on(5, busy=5.6, done=112, comes=112)


def test_a_backlog_that_rises_before_busy_consumers_makes_the_fleet_grow() -> None:
    world = World()
    let_the_backlog_rise(world)
    assert world.fleet.wanted == 2
    assert world.scaler.status().history[0].why == (
        "backlog rising by 100/s for 15 s, with consumers 70 % busy; "
        "handlers wait in as many threads as there may be; host CPU 41 %"
    )
    (backlog,) = (signal for signal in world.scaler.status().signals if signal.signal == "backlog")
    assert (backlog.value, backlog.unit) == (3000, "messages")


def test_of_a_topic_with_a_rate_it_says_nothing() -> None:
    world = World(rate=112.0)
    let_the_backlog_rise(world)
    assert world.fleet.wanted == 1
    assert "backlog" not in {signal.signal for signal in world.scaler.status().signals}


def test_of_a_quiet_topic_neither() -> None:
    world = World()
    world.fleet.quiet_topics["orders"] = MARK
    let_the_backlog_rise(world)
    assert world.fleet.wanted == 1
