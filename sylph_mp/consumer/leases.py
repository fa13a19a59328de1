"""Keeps the leases of what is held: renewed at two thirds, while queued, running or waiting its turn.

Runs on the loop thread. Deliveries of one receive share a lease, so that a lease costs next to nothing until it is due.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic_ns

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError, HandleExpiredError

TICK_S = 0.25
#: Renewals under way at once.
MAX_RENEWALS = 64
RETRY_S = 1.0

Round = tuple[int, list[Delivery]]


class Leases:
    def __init__(self, *, buffer: Buffer, background: Background) -> None:
        self._buffer = buffer
        self._background = background
        self._rounds: dict[str, deque[Round]] = {}
        """Per topic, in the order of their dues, since a topic's leases are equally long."""
        self._permits = asyncio.Semaphore(MAX_RENEWALS)

    def keep(self, subscription: Subscription, deliveries: list[Delivery], now_ns: int) -> None:
        """Renew these from now on until they are settled."""
        due_ns = now_ns + subscription.lease_ns * 2 // 3
        self._rounds.setdefault(subscription.name, deque()).append((due_ns, deliveries))

    def keep_adopted(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """The same for what a dead process had received, some time ago: renewed at once if it is still here then."""
        self._rounds.setdefault(subscription.name, deque()).appendleft((0, deliveries))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now_ns = monotonic_ns()
            for rounds in self._rounds.values():
                while rounds and rounds[0][0] <= now_ns:
                    self._renew_round(rounds.popleft()[1], now_ns)

    def _renew_round(self, deliveries: Sequence[Delivery], now_ns: int) -> None:
        live = [delivery for delivery in deliveries if not delivery.settled]
        if not live:
            return
        for delivery in live:
            if not delivery.busy and delivery.lease_ns > now_ns:
                delivery.busy = True
                self._background.run(self._renew(delivery))
        self.keep(live[0].subscription, live, now_ns)

    async def _renew(self, delivery: Delivery) -> None:
        async with self._permits:
            subscription = delivery.subscription
            while True:
                sent_ns = monotonic_ns()
                try:
                    handle = await subscription.session.renew(
                        subscription.name,
                        delivery.source.id,
                        delivery.handle,
                        lease_s=subscription.topic.lease_s,
                    )
                except HandleExpiredError:
                    delivery.lease_ns = 0
                    break
                except BrokerError:
                    if delivery.lease_ns <= monotonic_ns() or delivery.then is not None:
                        break
                    await asyncio.sleep(RETRY_S)
                else:
                    self._buffer.extend(delivery, handle, sent_ns + subscription.lease_ns)
                    break
        delivery.freed()
