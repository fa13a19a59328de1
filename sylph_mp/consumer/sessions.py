"""Opens the sessions of this process's topics and keeps trying while the broker is away. Runs on the loop thread."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sylph_mp.clock import Clock
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError
from sylph_mp.lifecycle import REGISTERS_S
from sylph_mp.logs import Log
from sylph_mp.pipe import InstanceReport
from sylph_mp.ports import Clients, Health, Session

FIRST_WAIT_S = 0.1
MAX_WAIT_S = 1.0
#: The master asks the same brokers at its start, and tells of one that registers anew; perhaps a little later.
MASTER_TELLS_S = REGISTERS_S + 5.0

Key = tuple[str, str]
"""Instance and group."""


class Sessions:
    def __init__(
        self,
        *,
        subscriptions: Sequence[Subscription],
        clients: Clients,
        endpoints: Mapping[str, str],
        clock: Clock,
        log: Log,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`endpoints` by instance, for what is said about one that could not be reached yet.

        `pause` waits so many seconds between two tries.
        """
        self._subscriptions = subscriptions
        self._clients = clients
        self._endpoints = endpoints
        self._clock = clock
        self._log = log
        self._pause = pause
        self._open: dict[Key, Session] = {}
        self._failing: dict[Key, Health] = {}
        """Of sessions that could not be opened yet."""

    async def open(self) -> tuple[str, ...]:
        """Returns the FIFO groups when all sessions are open; a broker that is away is waited for."""
        keys = dict.fromkeys((of.topic.instance, of.topic.group) for of in self._subscriptions)
        fifo_groups = await asyncio.gather(*(self._open_one(key) for key in keys))
        return tuple(group for group in fifo_groups if group)

    def instances(self) -> tuple[InstanceReport, ...]:
        """How calls fare, by instance: its session that has failed for longest, else the one answered last."""
        worst: dict[str, Health] = {}
        for (instance, _), health in self._healths().items():
            if instance not in worst or _badness(health) > _badness(worst[instance]):
                worst[instance] = health
        return tuple(
            InstanceReport(
                name=instance,
                endpoint=health.endpoint,
                answered_at=health.answered_at,
                failing_since=health.failing_since,
                tries=health.tries,
                error=health.error,
            )
            for instance, health in worst.items()
        )

    def _healths(self) -> dict[Key, Health]:
        return {key: session.health for key, session in self._open.items()} | self._failing

    async def _open_one(self, key: Key) -> str:
        """The group's name if it runs in order."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                session, shape = await self._clients.open(*key)
            except BrokerError as error:
                self._failed(key, error)
            else:
                break
            await self._pause(wait_s)
            wait_s = min(2 * wait_s, MAX_WAIT_S)
        self._failing.pop(key, None)
        self._open[key] = session
        for subscription in self._subscriptions:
            if (subscription.topic.instance, subscription.topic.group) == key:
                subscription.opened(session, fifo=shape.fifo)
        return key[1] if shape.fifo else ""

    def _failed(self, key: Key, error: BrokerError) -> None:
        before = self._failing.get(key)
        instance, group = key
        reason = str(error).partition("\n")[0]
        now = self._clock.monotonic()
        since = before.failing_since if before and before.failing_since is not None else now
        self._failing[key] = Health(
            endpoint=self._endpoints[instance],
            answered_at=None,
            failing_since=since,
            tries=before.tries + 1 if before else 1,
            error=reason,
        )
        tell = self._log.warn if now - since > MASTER_TELLS_S else self._log.debug
        tell("session", f"not open yet: {reason}", instance=instance, group=group, place=f"{instance}/{group}")


def _badness(health: Health) -> tuple[float, float]:
    since = -1e18 if health.failing_since is None else -health.failing_since
    return since, health.answered_at or 0.0
