"""The two clocks, behind a protocol so that tests can turn the hands.

`monotonic` is CLOCK_MONOTONIC, the same in every process of the host; all deadlines and heartbeats are in it.
"""

import time
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        ...

    def time(self) -> float:
        """Seconds since 1970 UTC."""
        ...


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()
