"""What waits in the brokers is added up from their pages; what nobody says, or not any more, is not known."""

import asyncio
import logging

import pytest

from sylph_mp.config.schema import Config, Consumers, Control, Instance, Range, Topic
from sylph_mp.logs import Log
from sylph_mp.master.backlogs import STALE_S, Backlogs, counted

PAGE = """\
# HELP rocketmq_consumer_lag_messages default view for gauge.
# TYPE rocketmq_consumer_lag_messages gauge
rocketmq_consumer_lag_messages{{cluster="C",consumer_group="{group}",is_retry="false",topic="orders"}} 2968.0
rocketmq_consumer_lag_messages{{cluster="C",consumer_group="{group}",is_retry="true",topic="orders"}} 2.0
rocketmq_consumer_lag_messages{{cluster="C",consumer_group="other",is_retry="false",topic="orders"}} 5.0
rocketmq_consumer_lag_latency_milliseconds{{consumer_group="{group}",topic="orders"}} 3450.0
"""
FIRST, SECOND = "http://127.0.0.1:1/metrics", "http://127.0.0.1:2/metrics"


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class World:
    def __init__(self, *, namespace: str = "", metrics: tuple[str, ...] = (FIRST,)) -> None:
        self.pages = {FIRST: PAGE.format(group="g"), SECOND: PAGE.format(group="g")}
        self.clock = Clock()
        self.topic = Topic(name="orders", instance="default", group="g", shards=1)
        instance = Instance(name="default", endpoints=("127.0.0.1:1",), namespace=namespace, metrics=metrics)
        config = Config(
            path="/srv/config.toml",
            app="app:app",
            instances={"default": instance},
            consumers=Consumers(processes=Range(1, 1), threads=Range(1, 1)),
            topics={"orders": self.topic},
            control=Control(socket="/srv/sylph.sock"),
        )
        self.backlogs = Backlogs(config=lambda: config, fetch=self.fetch, clock=self.clock, log=Log("master"))

    def fetch(self, url: str) -> str:
        if url not in self.pages:
            raise ConnectionRefusedError("connection refused")
        return self.pages[url]

    def look(self) -> int | None:
        asyncio.run(self.backlogs.look())
        return self.backlogs.of(self.topic)


def test_those_to_be_delivered_again_are_counted_with_the_others() -> None:
    assert World().look() == 2970


def test_the_brokers_of_a_cluster_add_up() -> None:
    assert World(metrics=(FIRST, SECOND)).look() == 2 * 2970


def test_a_namespace_goes_before_group_and_topic() -> None:
    world = World(namespace="ns")
    world.pages[FIRST] = PAGE.format(group="ns%g").replace('"orders"', '"ns%orders"')
    assert world.look() == 2970


def test_nothing_is_known_without_a_page_or_of_a_group_that_is_not_on_it() -> None:
    assert World(metrics=()).look() is None
    world = World()
    world.pages[FIRST] = PAGE.format(group="another")
    assert world.look() is None


def test_a_count_grows_old_and_all_brokers_must_answer(caplog: pytest.LogCaptureFixture) -> None:
    world = World(metrics=(FIRST, SECOND))
    assert world.look() is not None
    del world.pages[SECOND]
    with caplog.at_level(logging.INFO, logger="sylph_mp"):
        world.clock.now += STALE_S
        assert world.look() == 2 * 2970
        world.clock.now += 0.1
        assert world.look() is None
        world.pages[SECOND] = world.pages[FIRST]
        assert world.look() == 2 * 2970
    assert [line.getMessage() for line in caplog.records] == [
        f"not known: {SECOND}: connection refused",
        "known again",
    ]


def test_what_is_no_page_of_metrics_is_an_error() -> None:
    with pytest.raises(ValueError, match="topic="):
        counted(["rocketmq_consumer_lag_messages{topic="])
    assert counted(["<html>"]) == {}
