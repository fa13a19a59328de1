"""The sessions of one process: one for each (instance, group), however many topics and shards use it.

Implements `ports.Clients`. On the loop thread.
"""

import asyncio

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.ports import Shape
from sylph_mp.rocketmq.session import ConsumerSession
from sylph_mp.rocketmq.subscription import Filter

Key = tuple[str, str]


class PoolCounts(Struct, frozen=True):
    opened: int
    reused: int
    open_now: int


class ClientPool:
    """To be made after a fork."""

    def __init__(self, config: Config, *, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._open: dict[Key, tuple[ConsumerSession, Shape]] = {}
        self._locks: dict[Key, asyncio.Lock] = {}
        self._opened = 0
        self._reused = 0

    @property
    def counts(self) -> PoolCounts:
        return PoolCounts(self._opened, self._reused, len(self._open))

    async def open(self, instance: str, group: str) -> tuple[ConsumerSession, Shape]:
        """The open session of that key; callers of one key wait for one opening, others do not wait for it.

        Raises BrokerError; the next call tries again.
        """
        key = (instance, group)
        if key in self._open:
            self._reused += 1
            return self._open[key]
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key in self._open:
                self._reused += 1
            else:
                self._open[key] = await self._start(self._new_session(*key))
                self._opened += 1
            return self._open[key]

    async def close(self) -> None:
        """Stop all sessions, the last opened first. Never raises."""
        while self._open:
            _, (session, _) = self._open.popitem()
            await session.stop()

    @staticmethod
    async def _start(session: ConsumerSession) -> tuple[ConsumerSession, Shape]:
        try:
            return session, await session.start()
        except BaseException:
            await session.stop()
            raise

    def _new_session(self, instance: str, group: str) -> ConsumerSession:
        subscriptions = {
            topic.name: Filter(topic.filter_sql, sql=True) if topic.filter_sql else Filter(topic.filter)
            for topic in self._config.topics.values()
            if (topic.instance, topic.group) == (instance, group)
        }
        return ConsumerSession(
            instance=self._config.instances[instance], group=group, subscriptions=subscriptions, clock=self._clock
        )
