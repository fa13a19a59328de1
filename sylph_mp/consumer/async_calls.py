"""Runs async handlers on a loop of their own, in one thread, so that one that blocks cannot stall leases and acks.

`submit`, `withdraw` and `stop` are called on the consumer's loop thread; `run` and `done` in this thread.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import uvloop

W = TypeVar("W")


class AsyncCalls(Generic[W]):
    def __init__(self, *, limit: int, run: Callable[[W], Awaitable[None]], done: Callable[[W], None]) -> None:
        """At most `limit` calls go on at once."""
        self._limit = limit
        self._run = run
        self._done = done
        self._queue: deque[W] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, work: Sequence[W]) -> None:
        """The first call starts the thread: a process without async handlers has none."""
        self._queue.extend(work)
        if self._loop is None:
            self._loop = uvloop.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="async-handlers", daemon=True).start()
        self._loop.call_soon_threadsafe(self._start_calls)

    def withdraw(self) -> list[W]:
        """Take back all that has not begun."""
        work = []
        while True:
            try:
                work.append(self._queue.popleft())
            except IndexError:
                return work

    def stop(self) -> None:
        """End the thread; calls that still go on are left where they are."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _start_calls(self) -> None:
        while len(self._calls) < self._limit:
            try:
                work = self._queue.popleft()
            except IndexError:
                return
            call = asyncio.get_running_loop().create_task(self._call(work))
            self._calls.add(call)
            call.add_done_callback(self._ended)

    async def _call(self, work: W) -> None:
        await self._run(work)
        self._done(work)

    def _ended(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
        if self._queue:
            self._start_calls()
