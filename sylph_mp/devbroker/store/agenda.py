"""What is to happen when: leases that end, delayed messages, checks of transactions.

Only the server's timer calls `run`; a test calls it with a time of its own.
"""

import heapq
import itertools
from collections.abc import Callable

#: Called with the time, in milliseconds since 1970, at which it runs.
Action = Callable[[int], object]


class Agenda:
    """`on_earlier` is called when something is to happen before everything else that is planned."""

    def __init__(self) -> None:
        self._planned: list[tuple[int, int, Action]] = []
        self._numbers = itertools.count()
        self.on_earlier: Callable[[], None] | None = None

    def add(self, at_ms: int, action: Action) -> None:
        earlier = not self._planned or at_ms < self._planned[0][0]
        heapq.heappush(self._planned, (at_ms, next(self._numbers), action))
        if earlier and self.on_earlier is not None:
            self.on_earlier()

    @property
    def next_ms(self) -> int | None:
        return self._planned[0][0] if self._planned else None

    def run(self, now_ms: int) -> None:
        """Do what is due, in the order of its time; what it plans for now is done as well."""
        while self._planned and self._planned[0][0] <= now_ms:
            _, _, action = heapq.heappop(self._planned)
            action(now_ms)
