"""Where messages come in: gives receivers credit, and takes what they received. Runs on the loop thread."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic_ns, time
from typing import NamedTuple

from sylph_mp.consumer import credit
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.leases import Leases
from sylph_mp.consumer.poll_lines import PollLine
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.topic_stats import GAIN
from sylph_mp.ports import Received


class _Asker(NamedTuple):
    subscription: Subscription
    batch: asyncio.Future[int]


class Intake:
    def __init__(
        self,
        *,
        buffer: Buffer,
        leases: Leases,
        dispatch: Callable[[Subscription, list[Delivery]], None],
        hand_back: Callable[[Delivery], None],
        capacity: Callable[[Subscription], int],
        rate_per_s: Callable[[Subscription], float],
        blocked: Callable[[], bool],
    ) -> None:
        """`capacity` says how many messages of a topic can be in handler calls at once, `rate_per_s` how many of them
        all processes may start; 0: no limit.

        While `blocked`, nothing may be received; `room` is to be called when it is over.
        """
        self._buffer = buffer
        self._leases = leases
        self._dispatch = dispatch
        self._hand_back = hand_back
        self._capacity = capacity
        self._rate_per_s = rate_per_s
        self._blocked = blocked
        self._askers: list[_Asker] = []
        """Who waits for credit, the longest first."""
        self._reserved_entries = 0
        self._reserved_bytes = 0.0
        self.draining = False
        """What still arrives is handed back and not run."""

    async def credit(self, subscription: Subscription) -> int:
        """Wait until a receive may ask for messages; that many places are kept for it until `arrived` or `left`.

        Whoever waits longest is served first: a receiver that asks again at once would otherwise always be before
        those that wait, of which one may repeat the poll that keeps the queues locked.
        """
        if not self._askers and (batch := self._grant(subscription)):
            self._reserve(subscription, batch)
            return batch
        asker = _Asker(subscription, asyncio.get_running_loop().create_future())
        self._askers.append(asker)
        self.room()
        try:
            return await asker.batch
        except asyncio.CancelledError:
            if asker.batch.done() and not asker.batch.cancelled():
                self.left(subscription, asker.batch.result())
            raise
        finally:
            if asker in self._askers:
                self._askers.remove(asker)

    def arrived(
        self,
        subscription: Subscription,
        batch: int,
        received: Sequence[Received],
        line: PollLine | None,
        *,
        hand_back: bool = False,
    ) -> list[Delivery]:
        """A receive that had credit for `batch` was answered; `line` is where it is noted.

        What it brings is run, or handed back if that was asked for or the process drains. What it brings beyond `batch`
        has no place here: it is left to its lease.
        """
        if len(received) > batch:
            subscription.stats.expired += len(received) - batch
            received = received[:batch]
        now_ns = monotonic_ns()
        self._reserve(subscription, -batch)
        if line is not None:
            line.arriving(now_ns)
        deliveries = self._admit(subscription, received, now_ns) if received else []
        if line is not None:
            line.admitted()
        if not deliveries:
            self.room(subscription)
        elif hand_back or self.draining:
            for delivery in deliveries:
                self._hand_back(delivery)
        else:
            self._dispatch(subscription, deliveries)
        return deliveries

    def left(self, subscription: Subscription, batch: int) -> None:
        """A receive that had credit for `batch` is over, and nothing of it is taken."""
        self._reserve(subscription, -batch)
        self.room(subscription)

    def room(self, _of: Subscription | None = None) -> None:
        """Something was settled: those who wait for credit may get it, those of other topics as well."""
        for asker in list(self._askers):
            if asker.batch.done():
                continue  # cancelled, and about to leave
            batch = self._grant(asker.subscription)
            if batch:
                self._askers.remove(asker)
                self._reserve(asker.subscription, batch)
                asker.batch.set_result(batch)

    def _admit(self, subscription: Subscription, received: Sequence[Received], now_ns: int) -> list[Delivery]:
        stats = subscription.stats
        stats.received += len(received)
        stats.saw(received[0].stored_ms, now_ms=int(time() * 1000), messages=len(received))
        mean = sum(map(len, [source.frame for source in received])) / len(received)
        stats.frame_bytes += (mean - stats.frame_bytes) * GAIN
        deliveries = self._buffer.admit(subscription, received, now_ns)
        self._leases.keep(subscription, deliveries, now_ns)
        return deliveries

    def _grant(self, subscription: Subscription) -> int:
        if self._blocked():
            return 0
        stats, capacity = subscription.stats, self._capacity(subscription)
        appetite = credit.appetite(capacity=capacity, run_s=stats.run_s, rate_per_s=self._rate_per_s(subscription))
        wanted = appetite - stats.pending - stats.reserved
        if wanted < credit.MAX_BATCH and wanted < credit.worthwhile(
            capacity=capacity, appetite=appetite, fifo=subscription.fifo
        ):
            return 0
        return credit.grant(
            free_entries=self._buffer.free_entries - self._reserved_entries,
            free_bytes=int(self._buffer.free_bytes - self._reserved_bytes),
            frame_bytes=stats.frame_bytes,
            wanted=wanted,
            sharers=len(self._askers),
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
