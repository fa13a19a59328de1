"""The screen of `sylph run`: each line exactly as an operator sees it."""

import asyncio
import itertools

import pytest
from msgspec.structs import replace

from sylph_mp.config.schema import Config, Consumers, Control, Instance, Range, Topic
from sylph_mp.logs import Log
from sylph_mp.master.shutdown import Stopped, Tally
from sylph_mp.master.transcript import Screen, notice_times, open_transcript, step
from tests.unit.hands import Hands


def config(*topics: str, groups: tuple[str, ...] = ("orders-service",)) -> Config:
    return Config(
        path="/srv/orders/config.toml",
        app="workers.orders:app",
        instances={"default": Instance(name="default", endpoints=("127.0.0.1:8081",))},
        consumers=Consumers(processes=Range(2, 4), threads=Range(8, 8)),
        topics={
            name: Topic(name=name, instance="default", group=group)
            for name, group in zip(topics, itertools.cycle(groups), strict=False)
        },
        control=Control(socket="/srv/orders/sylph.sock"),
    )


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def screen(lines: list[str]) -> Screen:
    return Screen(lines.append, log=Log("master"))


def test_the_start(screen: Screen, lines: list[str]) -> None:
    open_transcript(screen, config("orders", "refunds", "receipts"), took_s=0.004)
    screen.line("broker", "default (127.0.0.1:8081) knows 3 of 3 topics", 0.031)
    screen.line("control", "sylph.sock, http://127.0.0.1:9464")
    screen.ready(0.4, consumers=2, topics=3, groups="orders-service")
    assert lines[1:] == [
        "  config     3 topics, 2 to 4 consumers, 8 threads each                     4 ms",
        "  broker     default (127.0.0.1:8081) knows 3 of 3 topics                  31 ms",
        "  control    sylph.sock, http://127.0.0.1:9464",
        "ready in 0.4 s. Look: sylph status. Stop: Ctrl-C.",
    ]
    assert lines[0].endswith(", config.toml, group orders-service")


def test_several_groups_are_all_named(screen: Screen, lines: list[str]) -> None:
    open_transcript(screen, config("orders", "refunds", groups=("first", "second")), took_s=0.0)
    assert lines[0].endswith(", groups first, second")


def test_the_stop(screen: Screen, lines: list[str]) -> None:
    screen.stopping(25.0)
    screen.progress(0.04, "612 in flight: 32 running, 580 queued")
    screen.progress(10.01, "1 left: the same, running for 12.3 s")
    screen.stopped(Stopped(took_s=25.21, tally=Tally(settled=31, handed_back=581)))
    assert lines == [
        "stopping: no new deliveries, 25 s to finish; Ctrl-C again kills",
        "   0.0 s  612 in flight: 32 running, 580 queued",
        "  10.0 s  1 left: the same, running for 12.3 s",
        "stopped in 25.2 s: 31 settled, 581 handed back, 0 left to their lease.",
    ]


@pytest.mark.parametrize(("left", "code"), [(0, 0), (1, 1)])
def test_the_exit_code_says_whether_something_is_left_to_its_lease(left: int, code: int) -> None:
    assert Stopped(took_s=1.0, tally=Tally(left=left)).exit_code == code


def test_a_step_is_one_line_when_it_is_done(screen: Screen, lines: list[str]) -> None:
    async def scenario() -> None:
        clock = Hands()
        async with step(screen, "memory", clock=clock) as memory:
            assert lines == []
            memory.text = "4 slots"
            clock.now += 1.5

    asyncio.run(scenario())
    assert [line.split() for line in lines] == [["memory", "4", "slots", "1.5", "s"]]


def test_a_step_that_fails_says_nothing(screen: Screen, lines: list[str]) -> None:
    async def scenario() -> None:
        async with step(screen, "memory", clock=Hands()):
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        asyncio.run(scenario())
    assert lines == []


def test_a_slow_step_says_so_after_2_s_then_10_s_then_each_minute() -> None:
    assert list(itertools.islice(notice_times(), 5)) == [2.0, 10.0, 60.0, 120.0, 180.0]


def test_one_is_not_many(screen: Screen, lines: list[str]) -> None:
    one = replace(config("orders"), consumers=Consumers(processes=Range(1, 1), threads=Range(1, 1)))
    open_transcript(screen, one, took_s=0.0)
    assert "1 topic, 1 consumer, 1 thread each" in lines[1]
