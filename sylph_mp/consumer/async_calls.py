"""Runs async handlers on a loop of their own, in one thread, so that one that blocks cannot stall leases and acks.

`run` and `done` are called in this thread, all else on the consumer's loop thread.
"""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic_ns
from types import FrameType
from typing import Any, Generic, TypeVar

import uvloop

from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.thread_calls import Going
from sylph_mp.consumer.work_queue import WorkQueue

W = TypeVar("W", bound=Sequence[Delivery])


class AsyncCalls(Generic[W]):
    def __init__(self, *, limit: int, run: Callable[[W], Awaitable[None]], done: Callable[[W], None]) -> None:
        """At most `limit` calls go on at once."""
        self._limit = limit
        self._run = run
        self._done = done
        self._queue: WorkQueue[W] = WorkQueue()
        self._calls: dict[asyncio.Task[None], W] = {}
        self._busy_ns = 0
        self._counted_ns = monotonic_ns()
        """Until then `_busy_ns` is complete."""
        self._cancelled: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run_loop, name="async-handlers", daemon=True)

    @property
    def limit(self) -> int:
        return self._limit

    def busy_ns(self, now_ns: int) -> int:
        """Nanoseconds of calls since the start, those of the calls going on included."""
        return self._busy_ns + len(self._calls) * max(0, now_ns - self._counted_ns)

    def submit(self, work: Sequence[W]) -> None:
        """The first call starts the thread: a process without async handlers has none."""
        self._queue.extend(work)
        if self._loop is None:
            self._loop = uvloop.new_event_loop()
            self._thread.start()
        self._loop.call_soon_threadsafe(self._start_calls)

    def withdraw(self) -> list[W]:
        """Take back all that has not begun."""
        return self._queue.withdraw()

    def stop(self) -> None:
        """End the thread; calls that still go on are left where they are."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def going(self) -> list[Going]:
        """The calls whose handlers have begun."""
        calls = self._calls.copy().items()
        return [Going(work, None, task) for task, work in calls if work[0].started_ns and not task.done()]

    def interrupt(self, going: Going) -> bool:
        """Cancel it, as soon as its loop gets to that; False if it is over."""
        if self._loop is None or going.run.done():
            return False
        self._loop.call_soon_threadsafe(self._cancel, going.run)
        return True

    def culprit(self, going: Going) -> Going:
        """Who keeps an interrupted call from ending: itself, or the one that does not let the loop get to it."""
        if going.run in self._cancelled or self._loop is None:
            return going
        blocking = asyncio.current_task(self._loop)
        return next((other for other in self.going() if other.run is blocking), going)

    def frames(self, going: Going) -> list[FrameType]:
        """Its Python stack, outermost first: where it awaits, or what its thread does if it runs just now."""
        if self._loop is not None and asyncio.current_task(self._loop) is going.run:
            return _frames_of_thread(self._thread.ident)
        return _frames_of_coroutine(going.run.get_coro())

    def _run_loop(self) -> None:
        assert self._loop is not None
        self._loop.run_forever()

    def _cancel(self, call: "asyncio.Task[None]") -> None:
        if call.cancel():
            self._cancelled.add(call)

    def _count(self) -> None:
        """To be called before calls begin or end."""
        now_ns = monotonic_ns()
        self._busy_ns += len(self._calls) * (now_ns - self._counted_ns)
        self._counted_ns = now_ns

    def _start_calls(self) -> None:
        self._count()
        while len(self._calls) < self._limit:
            try:
                work = self._queue.popleft()
            except IndexError:
                return
            call = asyncio.get_running_loop().create_task(self._call(work))
            self._calls[call] = work
            call.add_done_callback(self._ended)

    async def _call(self, work: W) -> None:
        await self._run(work)
        self._done(work)

    def _ended(self, call: "asyncio.Task[None]") -> None:
        self._count()
        del self._calls[call]
        self._cancelled.discard(call)
        if self._queue:
            self._start_calls()


def _frames_of_thread(ident: int | None) -> list[FrameType]:
    found = []
    frame = sys._current_frames().get(ident or 0)
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found[::-1]


def _frames_of_coroutine(coroutine: Any) -> list[FrameType]:
    """Along what each awaits; of awaitables that are not written in Python nothing is known."""
    found = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        found.append(frame)
        coroutine = coroutine.cr_await
    return found
