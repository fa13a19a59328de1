"""The sessions of one process: one for each (instance, group), however many topics and shards use it.

Implements `ports.Clients`. On the loop thread.
"""

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.ports import Shape
from sylph_mp.rocketmq.keyed_pool import KeyedPool, PoolCounts
from sylph_mp.rocketmq.session import ConsumerSession
from sylph_mp.rocketmq.subscription import Filter

Opened = tuple[ConsumerSession, Shape]


class ClientPool:
    """To be made after a fork."""

    def __init__(self, config: Config, *, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._pool: KeyedPool[tuple[str, str], Opened] = KeyedPool(start=self._start, stop=_stop)

    @property
    def counts(self) -> PoolCounts:
        return self._pool.counts

    async def open(self, instance: str, group: str) -> Opened:
        """The open session of that key. Raises BrokerError; the next call tries again."""
        return await self._pool.open((instance, group))

    async def close(self) -> None:
        """Stop all sessions, the last opened first. Never raises."""
        await self._pool.close()

    async def _start(self, key: tuple[str, str]) -> Opened:
        session = self._new_session(*key)
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


async def _stop(opened: Opened) -> None:
    await opened[0].stop()
