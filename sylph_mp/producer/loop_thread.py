"""A thread with an event loop, to which other threads hand over work. Used by the synchronous library only."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


class LoopThread:
    """Begins when it is made; to be made after a fork. It is a daemon: `stop` before the interpreter ends."""

    def __init__(self, name: str) -> None:
        self._loop = uvloop.new_event_loop()
        self._work: deque[Callable[[], object]] = deque()
        self._lock = threading.Lock()
        self._awake = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def post(self, work: Callable[[], object]) -> None:
        """Have it called on the loop, in the order of posting. Many posts wake the loop once."""
        with self._lock:
            self._work.append(work)
            if self._awake:
                return
            self._awake = True
        self._loop.call_soon_threadsafe(self._take)

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it on the loop, and return its result or raise its error here."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        """End the loop and wait for the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _take(self) -> None:
        with self._lock:
            work = list(self._work)
            self._work.clear()
            self._awake = False
        for call in work:
            call()
