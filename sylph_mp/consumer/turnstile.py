"""In front of the stage: lets calls of a topic with a rate through only as fast as all processes together may start.

On the loop thread. Calls of other topics go straight through. What a batch or a suspect is beyond what there was is
made up for by waiting the longer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.stage import Stage

#: Waking up for each message would cost more than the message.
SHORTEST_WAIT_S = 0.01
#: A rate that was changed counts after this at the latest.
LONGEST_WAIT_S = 0.25


class Rates(Protocol):
    """RateTaker; topics by their line."""

    @property
    def any_limited(self) -> bool: ...
    def rate_per_s(self, topic: int) -> float: ...
    def available(self, topic: int, now_ns: int) -> float: ...
    def take(self, topic: int, count: int) -> None: ...


class Turnstile:
    def __init__(
        self, *, stage: Stage, rates: Rates, lines: Mapping[str, int], monotonic_ns: Callable[[], int]
    ) -> None:
        """`lines` says which line of `rates` a topic has."""
        self._stage = stage
        self.ended = stage.ended
        """`ended(calls)`: these calls are over; to be told of each."""
        self._rates = rates
        self._lines = lines
        self._monotonic_ns = monotonic_ns
        self._waiting: dict[str, deque[Call]] = {}
        """By topic; none of them is empty."""
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def submit(self, calls: Sequence[Call]) -> None:
        """Run these as soon as their topics may."""
        if not self._waiting and not self._rates.any_limited:
            self._stage.submit(calls)
            return
        touched = {call[0].subscription.name: None for call in calls}
        for call in calls:
            self._waiting.setdefault(call[0].subscription.name, deque()).append(call)
        for topic in touched:
            if topic not in self._timers:
                self._let_through(topic)

    def try_alone(self, call: Call) -> None:
        """Run a suspect when nothing else runs; it does not wait here."""
        self._rates.take(self._lines[call[0].subscription.name], len(call))
        self._stage.try_alone(call)

    def withdraw(self) -> list[Call]:
        """Take back all that has not begun."""
        calls = [*self._stage.withdraw(), *(call for waiting in self._waiting.values() for call in waiting)]
        self._waiting.clear()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        return calls

    def _let_through(self, topic: str) -> None:
        self._timers.pop(topic, None)
        waiting, line = self._waiting[topic], self._lines[topic]
        rate_per_s = self._rates.rate_per_s(line)
        available = self._rates.available(line, self._monotonic_ns()) if rate_per_s else float("inf")
        through: list[Call] = []
        while waiting and available >= 1:
            call = waiting.popleft()
            available -= len(call)
            through.append(call)
        if through:
            self._rates.take(line, sum(len(call) for call in through))
            self._stage.submit(through)
        if waiting:
            wait_s = min(max((1 - available) / rate_per_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)
            self._timers[topic] = asyncio.get_running_loop().call_later(wait_s, self._let_through, topic)
        else:
            del self._waiting[topic]
