"""Carries a call out in a worker thread, or on the async handlers' loop, and marks it in the in-flight table.

A call is the list of deliveries that one handler call gets: one, unless the handler takes batches.
"""

from collections.abc import Callable
from time import monotonic_ns

from sylph_mp.consumer.delivery import EXPIRED, Delivery
from sylph_mp.consumer.invocation import Invocation
from sylph_mp.consumer.thread_calls import Guard
from sylph_mp.shm.table import ASYNC_THREAD, Table

Call = list[Delivery]


class Execution:
    def __init__(self, *, table: Table, invocation: Invocation, guard: Callable[[int], Guard]) -> None:
        """`guard` gives a worker thread's own, by its number."""
        self._table = table
        self._invocation = invocation
        self._guard = guard

    def run(self, call: Call, thread: int, now_ns: int) -> int:
        """A sync handler, in worker thread `thread` (from 1; the table counts from 0). Returns when it ended."""
        live = self._begin(call, thread - 1, now_ns)
        if not live:
            return now_ns
        self._invocation.call(live, now_ns, self._guard(thread))
        return self._end(live)

    async def run_async(self, call: Call) -> None:
        now_ns = monotonic_ns()
        live = self._begin(call, ASYNC_THREAD, now_ns)
        if live:
            await self._invocation.call_async(live, now_ns)
            self._end(live)

    def _begin(self, call: Call, thread: int, now_ns: int) -> Call:
        """Those whose lease is over belong to the broker again and are not run, nor what is behind them in order."""
        start = self._table.start
        expired = False
        for delivery in call:
            delivery.started_ns = now_ns
            if delivery.lease_ns <= now_ns or (expired and delivery.subscription.fifo):
                delivery.result = EXPIRED
                delivery.ended_ns = now_ns
                expired = True
            else:
                start(delivery.index, thread, now_ns)
        return [delivery for delivery in call if delivery.result is None] if expired else call

    def _end(self, call: Call) -> int:
        ended_ns = monotonic_ns()
        finish = self._table.finish
        for delivery in call:
            delivery.ended_ns = ended_ns
            result = delivery.result
            assert result is not None
            if delivery.outputs:
                self._table.hold(delivery.index, 0, 0)  # they are not in the outbox yet
                continue
            finish(delivery.index, result.outcome, result.after_ms)
        return ended_ns
