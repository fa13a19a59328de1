"""How many messages wait in the brokers to be received: the clients' protocol does not tell, their metrics pages do.

Runs as one task on the master's loop thread; pages are fetched and read on another. RocketMQ 5.5.0 counts at each
fetch, some 30 ms for a few hundred groups, and has no line for a group that has never subscribed. What consumers hold
is not in it, except for ordered topics.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config, Instance, Topic
from sylph_mp.logs import Log

LOOK_S = 5.0
#: What has not been counted again for so long is not known any more.
STALE_S = 20.0
ANSWER_S = 3.0
#: A page of ten thousand groups and topics is as large.
MOST_BYTES = 32 << 20
SERIES = "rocketmq_consumer_lag_messages"

Key = tuple[str, str]
"""Consumer group and topic, as the broker calls them."""
Fetch = Callable[[str], str]
"""The text of a page; raises OSError or ValueError."""


class Count(NamedTuple):
    at: float
    """CLOCK_MONOTONIC"""
    messages: int


class _Counts(NamedTuple):
    at: float
    messages: Mapping[Key, int]


class Backlogs:
    def __init__(self, *, config: Callable[[], Config], fetch: Fetch, clock: Clock, log: Log) -> None:
        """`config` is the configuration that holds now."""
        self._config = config
        self._fetch = fetch
        self._clock = clock
        self._log = log
        self._counts: dict[str, _Counts] = {}
        """By instance."""
        self._failing: set[str] = set()

    def of(self, topic: Topic) -> int | None:
        """Messages that wait for the topic's group; None if nobody says."""
        count = self.count(topic)
        return None if count is None else count.messages

    def count(self, topic: Topic) -> Count | None:
        """The same, with when it was counted."""
        count, instance = self._counts.get(topic.instance), self._config().instances.get(topic.instance)
        if count is None or instance is None or self._clock.monotonic() - count.at > STALE_S:
            return None
        messages = count.messages.get((_named(instance, topic.group), _named(instance, topic.name)))
        return None if messages is None else Count(count.at, messages)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Count anew, in all instances that have a metrics page."""
        for instance in self._config().instances.values():
            if instance.metrics:
                await self._count(instance)

    async def _count(self, instance: Instance) -> None:
        """A cluster's brokers each count their own: all of them or none."""
        try:
            messages = await asyncio.to_thread(self._read, instance.metrics)
        except (OSError, ValueError) as error:
            if instance.name not in self._failing:
                self._failing.add(instance.name)
                self._log.warn("backlog", f"not known: {error}", instance=instance.name)
            return
        if instance.name in self._failing:
            self._failing.remove(instance.name)
            self._log.info("backlog", "known again", instance=instance.name)
        self._counts[instance.name] = _Counts(self._clock.monotonic(), messages)

    def _read(self, urls: Sequence[str]) -> Mapping[Key, int]:
        total: Counter[Key] = Counter()
        for url in urls:
            try:
                total.update(counted(self._fetch(url).splitlines()))
            except (OSError, ValueError) as error:
                raise ValueError(f"{url}: {error}") from error
        return total


def counted(lines: Iterable[str]) -> Mapping[Key, int]:
    """Messages by group and topic, those to be delivered again with the others. Raises ValueError."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415  2 MiB, and most ask no broker

    own = "\n".join(line for line in lines if line.startswith(f"{SERIES}{{"))
    total: Counter[Key] = Counter()
    for family in text_string_to_metric_families(own):
        for sample in family.samples:
            total[sample.labels["consumer_group"], sample.labels["topic"]] += max(0, round(sample.value))
    return total


def fetch(url: str) -> str:
    """Raises OSError, and ValueError for what is no page of metrics."""
    import urllib.error  # noqa: PLC0415  with http and email 1 MiB, and most ask no broker
    import urllib.request  # noqa: PLC0415  the same

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWER_S) as answer:
            body: bytes = answer.read(MOST_BYTES + 1)
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from error
    if len(body) > MOST_BYTES:
        raise ValueError(f"the page has more than {MOST_BYTES >> 20} MiB")
    return body.decode()


def _named(instance: Instance, name: str) -> str:
    return f"{instance.namespace}%{name}" if instance.namespace else name
