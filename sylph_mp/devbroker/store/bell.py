"""Wakes the long polls of one subscription when there may be something to receive.

One poll is woken at a time, the one that ends first, as in RocketMQ. On the server's loop thread.
"""

import asyncio
import heapq
import itertools


class Bell:
    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[bool]]] = []
        self._numbers = itertools.count()

    def ring(self) -> None:
        while self._waiting:
            _, _, woken = heapq.heappop(self._waiting)
            if not woken.done():
                woken.set_result(True)
                return

    async def wait(self, until: float) -> bool:
        """Wait for a ring until this time of the loop's clock; whether there was one."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[bool] = loop.create_future()
        self._forget_ended()
        heapq.heappush(self._waiting, (until, next(self._numbers), woken))
        timer = loop.call_at(until, _set_unless_done, woken)
        try:
            return await woken
        except asyncio.CancelledError:
            # A ring that came just before is for another poll.
            if not woken.cancelled() and woken.result():
                self.ring()
            raise
        finally:
            timer.cancel()

    def _forget_ended(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)


def _set_unless_done(woken: "asyncio.Future[bool]") -> None:
    if not woken.done():
        woken.set_result(False)
