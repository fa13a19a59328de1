"""Brings finished calls from worker threads to the loop thread: one wake-up for as many as there are by then."""

import asyncio
from collections import deque
from collections.abc import Callable

from sylph_mp.consumer.execution import Call


class Completions:
    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._takers: tuple[Callable[[list[Call]], None], ...] = ()
        self._calls: deque[Call] = deque()
        self._woken = False

    def deliver_to(self, *takers: Callable[[list[Call]], None]) -> None:
        """Who is told of finished calls, in that order; to be said before the first call begins."""
        self._takers = takers

    def put(self, call: Call) -> None:
        """From any thread."""
        self._calls.append(call)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._take_all)

    def _take_all(self) -> None:
        # Cleared before looking: a call put after the last look finds it cleared and wakes again.
        self._woken = False
        waiting = self._calls
        calls = [waiting.popleft() for _ in range(len(waiting))]
        for take in self._takers:
            take(calls)
