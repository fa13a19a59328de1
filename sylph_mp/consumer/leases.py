"""Keeps the leases of what is held: renewed at two thirds, while queued, running or waiting its turn.

Runs on the loop thread. Deliveries of one receive share a lease, so that a lease costs next to nothing until it is due.
A round has their entries and not the deliveries: most are settled long before, and are not to be kept in memory by it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import count
from time import monotonic_ns
from typing import NamedTuple

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError, HandleExpiredError

#: When an adopted delivery is renewed that is still here then: not before there is a session to do it with.
ADOPTED_DUE_NS = 250_000_000
#: Renewals under way at once.
MAX_RENEWALS = 64
RETRY_S = 1.0


class Round(NamedTuple):
    due_ns: int
    number: int
    """A delivery has that of its last round: its entry may be another's by then."""
    entries: list[int]


class Leases:
    def __init__(self, *, buffer: Buffer, background: Background) -> None:
        self._buffer = buffer
        self._background = background
        self._rounds: dict[str, deque[Round]] = {}
        """Per topic, in the order of their dues, since a topic's leases are equally long."""
        self._numbers = count(1)
        self._permits = asyncio.Semaphore(MAX_RENEWALS)

    def keep(self, subscription: Subscription, deliveries: list[Delivery], now_ns: int) -> None:
        """Renew these from now on until they are settled."""
        self._of(subscription).append(self._round(now_ns + subscription.lease_ns * 2 // 3, deliveries))

    def keep_adopted(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """The same for what a dead process had received, some time ago: renewed soon if it is still here then."""
        self._of(subscription).appendleft(self._round(monotonic_ns() + ADOPTED_DUE_NS, deliveries))

    def look(self, now_ns: int) -> None:
        """Renew what is due; to be called several times a second."""
        for rounds in self._rounds.values():
            while rounds and rounds[0].due_ns <= now_ns:
                self._renew_round(rounds.popleft(), now_ns)

    def _of(self, subscription: Subscription) -> deque[Round]:
        return self._rounds.setdefault(subscription.name, deque())

    def _round(self, due_ns: int, deliveries: Sequence[Delivery]) -> Round:
        number = next(self._numbers)
        for delivery in deliveries:
            delivery.round = number
        return Round(due_ns, number, [delivery.index for delivery in deliveries])

    def _renew_round(self, due: Round, now_ns: int) -> None:
        held = self._buffer.held
        there = [held[entry] for entry in due.entries if entry in held]
        live = [delivery for delivery in there if delivery.round == due.number]
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
                sent_ns, renewed = monotonic_ns(), delivery.handle
                try:
                    handle = await subscription.session.renew(
                        subscription.name,
                        delivery.source.id,
                        renewed,
                        lease_s=subscription.topic.lease_s,
                    )
                except HandleExpiredError:
                    if delivery.handle == renewed:
                        delivery.lease_ns = 0
                    break
                except BrokerError:
                    if delivery.lease_ns <= monotonic_ns() or delivery.then is not None:
                        break
                    await asyncio.sleep(RETRY_S)
                else:
                    if delivery.handle == renewed:  # or else a repeated poll has brought a later one meanwhile
                        self._buffer.extend(delivery, handle, sent_ns + subscription.lease_ns)
                    break
        delivery.freed()
