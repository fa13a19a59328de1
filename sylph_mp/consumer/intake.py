"""Where messages come in: gives receivers credit, and takes what they received. Runs on the loop thread."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic_ns

from sylph_mp.consumer import credit
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.leases import Leases
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.topic_stats import GAIN
from sylph_mp.ports import Received


class Intake:
    def __init__(
        self,
        *,
        buffer: Buffer,
        leases: Leases,
        dispatch: Callable[[Subscription, list[Delivery]], None],
        hand_back: Callable[[Delivery], None],
        capacity: Callable[[Subscription], int],
    ) -> None:
        """`capacity` says how many messages of a topic can be in handler calls at once."""
        self._buffer = buffer
        self._leases = leases
        self._dispatch = dispatch
        self._hand_back = hand_back
        self._capacity = capacity
        self._waiting: list[asyncio.Future[None]] = []
        self._reserved_entries = 0
        self._reserved_bytes = 0.0
        self.draining = False
        """What still arrives is handed back and not run."""

    async def credit(self, subscription: Subscription) -> int:
        """Wait until a receive may ask for messages; that many places are kept for it until `arrived`."""
        while not (batch := self._grant(subscription)):
            room = asyncio.get_running_loop().create_future()
            self._waiting.append(room)
            try:
                await room
            finally:
                if room in self._waiting:
                    self._waiting.remove(room)
        self._reserve(subscription, batch)
        return batch

    def arrived(self, subscription: Subscription, batch: int, received: Sequence[Received]) -> None:
        """A receive that had credit for `batch` is over."""
        self._reserve(subscription, -batch)
        if received:
            self._take(subscription, received)
        else:
            self.room(subscription)

    def room(self, _of: Subscription) -> None:
        """Something was settled: receivers without credit may look again, those of other topics as well."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for receiver in waiting:
                if not receiver.done():
                    receiver.set_result(None)

    def _take(self, subscription: Subscription, received: Sequence[Received]) -> None:
        now_ns = monotonic_ns()
        stats = subscription.stats
        stats.received += len(received)
        stats.saw(received[0].stored_ms)
        mean = sum(len(source.frame) for source in received) / len(received)
        stats.frame_bytes += (mean - stats.frame_bytes) * GAIN
        deliveries = self._buffer.admit(subscription, received, now_ns)
        self._leases.keep(subscription, deliveries, now_ns)
        if self.draining:
            for delivery in deliveries:
                self._hand_back(delivery)
        else:
            self._dispatch(subscription, deliveries)

    def _grant(self, subscription: Subscription) -> int:
        stats = subscription.stats
        appetite = credit.appetite(capacity=self._capacity(subscription), run_s=stats.run_s)
        return credit.grant(
            free_entries=self._buffer.free_entries - self._reserved_entries,
            free_bytes=int(self._buffer.free_bytes - self._reserved_bytes),
            frame_bytes=stats.frame_bytes,
            wanted=appetite - stats.pending - stats.reserved,
            sharers=1 + len(self._waiting),
        )

    def _reserve(self, subscription: Subscription, batch: int) -> None:
        stats = subscription.stats
        stats.reserved += batch
        stats.polls += 1 if batch > 0 else -1
        self._reserved_entries += batch
        if batch > 0:
            stats.reserved_bytes += batch * stats.frame_bytes
            self._reserved_bytes += batch * stats.frame_bytes
        else:
            # What this poll reserved is its share of the topic's reservation, whatever the mean was at the time.
            share = stats.reserved_bytes * -batch / (stats.reserved - batch)
            stats.reserved_bytes -= share
            self._reserved_bytes -= share
