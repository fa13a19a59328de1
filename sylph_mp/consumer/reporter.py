"""Beats in the vitals, and once a second tells the master what there is to count. Runs on the loop thread."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from time import monotonic, monotonic_ns

from sylph_mp import own_usage
from sylph_mp.consumer.async_calls import AsyncCalls
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.sessions import Sessions
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.worker_pool import WorkerPool
from sylph_mp.pipe import Report, TopicReport
from sylph_mp.shm.vitals import COUNTERS, VitalsWriter

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
        self._told: dict[str, tuple[object, ...]] = {}
        """By topic: what its last report was made of."""
        self._unsettled: set[str] = set()
        """Topics whose last report differed from the one before: it may have had what counts for a second only."""
        self._beats = 0

    def tick(self, now_ns: int) -> None:
        """To be called four times a second."""
        self._vitals.beat(now_ns)
        if self._beats % BEATS_PER_REPORT == 0:
            self.report()
        self._beats += 1

    def count(self, subscription: Subscription) -> None:
        """Put a topic's counters where they outlive this process."""
        self._vitals.count(subscription.index, subscription.stats.counters())

    def report(self) -> None:
        now_ns = monotonic_ns()
        self._post(
            Report(
                at=monotonic(),
                topics=tuple(self._topics()),
                instances=self._sessions.instances(),
                threads=self._pool.size,
                busy_s=self._pool.busy_ns(now_ns) / 1e9,
                cpu_s=own_usage.cpu_s(),
                rss_bytes=own_usage.rss_bytes(),
                in_flight=len(self._buffer.held),
                buffer_used=self._buffer.used_bytes,
                polls=sum(subscription.stats.polls for subscription in self._subscriptions),
                calls=self._async_calls.limit if self._is_async else 0,
                calls_s=self._async_calls.busy_ns(now_ns) / 1e9,
            )
        )

    def _topics(self) -> Iterator[TopicReport]:
        """Those that differ from what was last told of them: of hundreds most may have nothing to do."""
        phases = Counter((delivery.subscription.name, delivery.phase) for delivery in self._buffer.held.values())
        for subscription in self._subscriptions:
            name, stats = subscription.name, subscription.stats
            queued, running, held = (phases.get((name, phase), 0) for phase in ("queued", "running", "held"))
            state = (*stats.marks(), queued, running, held)
            if state != self._told.get(name):
                self._told[name] = state
                self._unsettled.add(name)
            elif name in self._unsettled:
                self._unsettled.remove(name)
            else:
                continue
            self.count(subscription)
            yield stats.take_report(name, COUNTERS, queued=queued, running=running, held=held)
