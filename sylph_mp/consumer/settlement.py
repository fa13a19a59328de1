"""Settles deliveries with the broker by their results, and forgets them. Runs on the loop thread.

Acks go through the topic's acker in batches; a retry, a dead letter and a hand-back are one call each, tried
again until it works or the lease is over: from then on the broker delivers the message again by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from time import monotonic_ns, time

from sylph_mp.consumer.acker import FIRST_RETRY_S, MAX_RETRY_S, Acker
from sylph_mp.consumer.background import Background
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import ACKED, Delivery
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError, HandleExpiredError
from sylph_mp.shm.table import EntryOutcome


class Settlement:
    def __init__(self, *, buffer: Buffer, background: Background) -> None:
        self._buffer = buffer
        self._background = background
        self._listeners: list[Callable[[Subscription], None]] = []
        self._ackers: dict[str, Acker] = {}
        self.settled = 0
        """Settled by their results since the process started."""
        self.handed_back = 0

    def listen(self, changed: Callable[[Subscription], None]) -> None:
        """Be called when deliveries of a topic were forgotten: there is room, and there are new counts."""
        self._listeners.append(changed)

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Do with each what its handler decided; nothing if it was handed back in the meantime. All of one topic."""
        acks: list[Delivery] = []
        for delivery in deliveries:
            if delivery.busy:
                delivery.then = partial(self.settle, (delivery,))
            elif not delivery.settled:
                delivery.busy = True
                if delivery.result is ACKED:
                    acks.append(delivery)
                else:
                    self._settle_alone(delivery)
        if acks:
            subscription = acks[0].subscription
            acker = self._ackers.get(subscription.name) or self._new_acker(subscription)
            acker.add(acks)

    def hand_back(self, delivery: Delivery) -> None:
        """Give it back without counting an attempt: somebody else is to run it."""
        if delivery.busy:
            delivery.then = partial(self.hand_back, delivery)
        elif not delivery.settled:
            delivery.busy = True
            self._background.run(self._release(delivery))

    def hand_back_all(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self.hand_back(delivery)

    def lose(self, delivery: Delivery) -> None:
        """Its lease is over; the broker delivers it again."""
        delivery.subscription.stats.expired += 1
        self._forget([delivery])

    def _settle_alone(self, delivery: Delivery) -> None:
        assert delivery.result is not None
        outcome = delivery.result.outcome
        if outcome is EntryOutcome.RETRY:
            self._background.run(self._retry(delivery, delivery.result.after_s))
        elif outcome is EntryOutcome.DEAD_LETTER:
            self._background.run(self._dead_letter(delivery))
        else:
            self.lose(delivery)

    def _new_acker(self, subscription: Subscription) -> Acker:
        acker = Acker(
            subscription=subscription,
            background=self._background,
            acked=self._acked,
            lost=self.lose,
        )
        self._ackers[subscription.name] = acker
        return acker

    def _acked(self, deliveries: Sequence[Delivery]) -> None:
        stats = deliveries[0].subscription.stats
        stats.acked += len(deliveries)
        self.settled += len(deliveries)
        now_ms = int(time() * 1000)
        # Messages received together were stored within a few milliseconds: most of these times are equal.
        for took_ms, times in Counter([now_ms - delivery.source.stored_ms for delivery in deliveries]).items():
            stats.ended(took_ms, times)
        self._forget_unless_kept(deliveries)

    async def _retry(self, delivery: Delivery, after_s: float) -> None:
        release = partial(self._call_release, delivery, after_s=after_s, count_attempt=True)
        if await self._persist(delivery, release):
            delivery.subscription.stats.retried += 1
            self.settled += 1
            self._forget([delivery])

    async def _dead_letter(self, delivery: Delivery) -> None:
        subscription = delivery.subscription

        async def forward() -> None:
            await subscription.session.dead_letter(
                subscription.name,
                delivery.source.id,
                delivery.handle,
                attempt=delivery.attempt,
                limit=subscription.topic.max_attempts,
            )

        if await self._persist(delivery, forward):
            subscription.stats.dead += 1
            self.settled += 1
            self._forget_unless_kept([delivery])

    async def _release(self, delivery: Delivery) -> None:
        release = partial(self._call_release, delivery, after_s=0.0, count_attempt=False)
        if await self._persist(delivery, release):
            delivery.subscription.stats.handed_back += 1
            self.handed_back += 1
            self._forget([delivery])

    @staticmethod
    async def _call_release(delivery: Delivery, *, after_s: float, count_attempt: bool) -> None:
        await delivery.subscription.session.release(
            delivery.subscription.name,
            delivery.source.id,
            delivery.handle,
            after_s=after_s,
            count_attempt=count_attempt,
        )

    async def _persist(self, delivery: Delivery, call: Callable[[], Awaitable[None]]) -> bool:
        """Try until it works; False, and the delivery lost, when its lease was over first."""
        wait_s = FIRST_RETRY_S
        while True:
            try:
                await call()
            except HandleExpiredError:
                self.lose(delivery)
                return False
            except BrokerError:
                # Whatever it was may pass; the session's health tells what it is, and the lease bounds the tries.
                if delivery.lease_ns <= monotonic_ns():
                    self.lose(delivery)
                    return False
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, MAX_RETRY_S)
            else:
                return True

    def _forget_unless_kept(self, deliveries: Sequence[Delivery]) -> None:
        """What is kept stays busy: nothing is to be done about it any more."""
        subscription = deliveries[0].subscription
        if subscription.fifo:
            for delivery in deliveries:
                delivery.acked = delivery.kept
            deliveries = [delivery for delivery in deliveries if not delivery.kept]
        self._buffer.release(deliveries)
        self._tell(subscription)

    def _forget(self, deliveries: Sequence[Delivery]) -> None:
        self._buffer.release(deliveries)
        self._tell(deliveries[0].subscription)

    def _tell(self, subscription: Subscription) -> None:
        for changed in self._listeners:
            changed(subscription)
