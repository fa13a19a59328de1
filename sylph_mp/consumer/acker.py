"""Acks the deliveries of one topic in batches. Runs on the loop thread.

Its caller has marked them busy; each comes back through exactly one of `acked` and `lost`.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic_ns

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError, HandleExpiredError
from sylph_mp.ports import Settled

#: Most acks of one request.
MAX_ACKS = 256
#: An ack waits this long for others, with slow handlers for half a call but no longer than the second: so no more acks
#: wait than threads run. In an ordered queue it does not wait at all, since the queue waits for it.
LINGER_S = 0.02
MAX_LINGER_S = 0.1
FIRST_RETRY_S = 0.1
MAX_RETRY_S = 2.0


def linger_s(run_s: float) -> float:
    """How long an ack waits for others where handler calls take `run_s`."""
    return min(MAX_LINGER_S, max(LINGER_S, run_s / 2))


class Acker:
    def __init__(
        self,
        *,
        subscription: Subscription,
        background: Background,
        acked: Callable[[Sequence[Delivery]], None],
        lost: Callable[[Delivery], None],
    ) -> None:
        self._subscription = subscription
        self._background = background
        self._acked = acked
        self._lost = lost
        self._waiting: list[Delivery] = []
        self._timer: asyncio.TimerHandle | None = None
        self._failures = 0

    def add(self, deliveries: Sequence[Delivery]) -> None:
        self._waiting.extend(deliveries)
        while len(self._waiting) >= MAX_ACKS:
            self._send()
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._linger_s(), self._flush)

    def _linger_s(self) -> float:
        return 0.0 if self._subscription.fifo else linger_s(self._subscription.stats.run_s or 0.0)

    def _flush(self) -> None:
        while self._waiting:
            self._send()

    def _send(self) -> None:
        """Those that have waited longest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting[:MAX_ACKS], self._waiting[MAX_ACKS:]
        self._background.run(self._ack(batch))

    async def _ack(self, batch: list[Delivery]) -> None:
        entries = [(delivery.source.id, delivery.handle) for delivery in batch]
        try:
            answers = await self._subscription.session.ack(self._subscription.name, entries)
        except BrokerError as error:
            answers = [Settled(error)] * len(batch)
        if not [answer for answer in answers if answer.error is not None]:
            self._failures = 0
            self._acked(batch)
            return
        self._sort_out(batch, answers)

    def _sort_out(self, batch: list[Delivery], answers: Sequence[Settled]) -> None:
        acked: list[Delivery] = []
        again: list[Delivery] = []
        now = monotonic_ns()
        for delivery, answer in zip(batch, answers, strict=True):
            if answer.error is None:
                acked.append(delivery)
            elif isinstance(answer.error, HandleExpiredError) or delivery.lease_ns <= now:
                self._lost(delivery)
            else:
                again.append(delivery)
        if acked:
            self._acked(acked)
        if again:
            self._failures += 1
            self._waiting.extend(again)
            self._wait_longer()

    def _wait_longer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay = min(FIRST_RETRY_S * 2 ** min(self._failures - 1, 10), MAX_RETRY_S)
        self._timer = asyncio.get_running_loop().call_later(delay, self._flush)
