"""What a consumer does several times a second, all of it in one wake-up. Runs on the loop thread."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic_ns

#: A heartbeat, a look at the calls' time limits and at the leases' ends; each of them has seconds to spare.
TICK_S = 0.25

Tick = Callable[[int], None]
"""Given the time, CLOCK_MONOTONIC in nanoseconds."""


class Ticker:
    def __init__(self, *, ticks: Sequence[Tick], failed: Callable[[Exception], None]) -> None:
        """`failed` is told of what no tick should raise; that one is not called again, the others are."""
        self._ticks = list(ticks)
        self._failed = failed

    async def run(self) -> None:
        """Until cancelled; for the first time at once."""
        while True:
            self.tick(monotonic_ns())
            await asyncio.sleep(TICK_S)

    def tick(self, now_ns: int) -> None:
        for tick in list(self._ticks):
            try:
                tick(now_ns)
            except Exception as error:  # noqa: BLE001 - it is told; the others must go on
                self._ticks.remove(tick)
                self._failed(error)
