"""Beats in the vitals, and once a second tells the master what there is to count. Runs on the loop thread."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic, monotonic_ns, time

import psutil

from sylph_mp.consumer.async_calls import AsyncCalls
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.sessions import Sessions
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.worker_pool import WorkerPool
from sylph_mp.pipe import Report, TopicReport
from sylph_mp.shm.vitals import COUNTERS, VitalsWriter

BEAT_S = 0.25
BEATS_PER_REPORT = 4


class Reporter:
    def __init__(
        self,
        *,
        subscriptions: Sequence[Subscription],
        sessions: Sessions,
        buffer: Buffer,
        pool: WorkerPool[Call],
        async_calls: AsyncCalls[Call],
        vitals: VitalsWriter,
        post: Callable[[Report], None],
    ) -> None:
        self._subscriptions = subscriptions
        self._sessions = sessions
        self._buffer = buffer
        self._pool = pool
        self._async_calls = async_calls
        self._is_async = any(subscription.handler.is_async for subscription in subscriptions)
        self._vitals = vitals
        self._post = post
        self._process = psutil.Process()

    async def run(self) -> None:
        beats = 0
        while True:
            self._vitals.beat(monotonic_ns())
            if beats % BEATS_PER_REPORT == 0:
                self.report()
            beats += 1
            await asyncio.sleep(BEAT_S)

    def count(self, subscription: Subscription) -> None:
        """Put a topic's counters where they outlive this process."""
        self._vitals.count(subscription.index, subscription.stats.counters())

    def report(self) -> None:
        now_ns = monotonic_ns()
        usage = self._process.cpu_times()
        for subscription in self._subscriptions:
            self.count(subscription)
        self._post(
            Report(
                at=monotonic(),
                topics=self._topics(),
                instances=self._sessions.instances(),
                threads=self._pool.size,
                busy_s=self._pool.busy_ns(now_ns) / 1e9,
                cpu_s=usage.user + usage.system,
                rss_bytes=self._process.memory_info().rss,
                in_flight=len(self._buffer.held),
                buffer_used=self._buffer.used_bytes,
                polls=sum(subscription.stats.polls for subscription in self._subscriptions),
                calls=self._async_calls.limit if self._is_async else 0,
                calls_s=self._async_calls.busy_ns(now_ns) / 1e9,
            )
        )

    def _topics(self) -> tuple[TopicReport, ...]:
        now_ms = int(time() * 1000)
        phases = Counter((delivery.subscription.name, delivery.phase) for delivery in self._buffer.held.values())
        return tuple(
            subscription.stats.take_report(
                subscription.name,
                COUNTERS,
                queued=phases[subscription.name, "queued"],
                running=phases[subscription.name, "running"],
                held=phases[subscription.name, "held"],
                now_ms=now_ms,
            )
            for subscription in self._subscriptions
        )
