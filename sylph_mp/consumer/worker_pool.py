"""The threads that run sync handlers, and the queue they take from; resizable while running.

`submit`, `withdraw`, `resize` and `stop` are called on the loop thread. Workers take one piece of work after the
other from one shared deque, so that a slow call holds up nothing but its own thread; a deque's ends are atomic.

Waking a thread costs more than a short handler: only as many are awake as the queue needs to be empty within a
millisecond, judged by the mean run time; what finds itself behind a slow call is helped by `nudge`.
"""

import threading
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Generic, TypeVar

from sylph_mp.consumer.work_queue import WorkQueue

W = TypeVar("W")

#: A queue that empties within this time needs no further thread.
GOOD_ENOUGH_NS = 1_000_000


class WorkerPool(Generic[W]):
    """`run(work, thread, now_ns)` is called in a worker thread, numbered from 1; `done` afterwards.

    `run` returns when the work ended, CLOCK_MONOTONIC nanoseconds as `now_ns`.
    """

    def __init__(
        self,
        *,
        size: int,
        run: Callable[[W, int, int], int],
        done: Callable[[W], None],
        started: Callable[[int, int], None],
    ) -> None:
        """`started(thread, ident)` is told each new thread."""
        self._run = run
        self._done = done
        self._started = started
        self._queue: WorkQueue[W] = WorkQueue()
        self._idle: list[threading.Lock] = []
        self._threads: dict[int, threading.Thread] = {}
        self._running_since: dict[int, int] = {}
        self._size = 0
        self._busy_ns = 0
        self._mean_ns = 0.0
        self._starting = threading.Lock()
        self.resize(size)

    @property
    def size(self) -> int:
        return self._size

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def alive(self) -> int:
        """Threads that have not ended yet."""
        return len(self._threads)

    @property
    def idle(self) -> int:
        """Threads that sleep until they are woken."""
        return len(self._idle)

    def busy_ns(self, now_ns: int) -> int:
        """Thread nanoseconds spent in calls since the start, those of the calls going on included."""
        return self._busy_ns + sum(now_ns - since for since in list(self._running_since.values()))

    def submit(self, work: Sequence[W]) -> None:
        self._queue.extend(work)
        self.nudge()

    def nudge(self) -> bool:
        """Wake as many idle threads as the queue is worth; True while work is waiting and a thread is idle.

        A thread that is awake takes from the queue until it is empty, so once all are there is nothing to be done.
        """
        waiting = len(self._queue)
        if not waiting:
            return False
        worth = max(1, min(waiting, int(waiting * self._mean_ns / GOOD_ENOUGH_NS)))
        for _ in range(worth - self._at_hand()):
            try:
                self._idle.pop().release()
            except IndexError:
                return False
        return bool(self._idle)

    def _at_hand(self) -> int:
        """Threads that will come to the queue by themselves: awake, and not in a call that has lasted for long."""
        awake = len(self._threads) - self.idle
        if not awake:
            return 0
        recent = monotonic_ns() - GOOD_ENOUGH_NS
        return awake - sum([since < recent for since in list(self._running_since.values())])

    def withdraw(self) -> list[W]:
        """Take back all that no thread has begun."""
        return self._queue.withdraw()

    def resize(self, size: int) -> None:
        """Threads beyond `size` end after their present call."""
        self._size = size
        with self._starting:
            for number in range(1, size + 1):
                if number not in self._threads:
                    thread = threading.Thread(target=self._work, args=(number,), name=f"worker-{number}", daemon=True)
                    self._threads[number] = thread
                    thread.start()
        self._wake_all()

    def stop(self) -> None:
        """Let every thread end after its present call; what is queued stays queued."""
        self._size = 0
        self._wake_all()

    def _wake_all(self) -> None:
        while self._idle:
            self._idle.pop().release()

    def _work(self, number: int) -> None:
        self._started(number, threading.get_ident())
        lock = threading.Lock()
        lock.acquire()
        take, run, done, running_since = self._queue.popleft, self._run, self._done, self._running_since
        while number <= self._size or self._may_go_on(number):
            try:
                work = take()
            except IndexError:
                self._wait(number, lock)
                continue
            now = monotonic_ns()
            running_since[number] = now
            took = run(work, number, now) - now
            del running_since[number]
            # Two threads may lose each other's sample here; a mean and a share bear that, not a lock for each call.
            self._busy_ns += took
            self._mean_ns += (took - self._mean_ns) / 16
            done(work)

    def _wait(self, number: int, lock: threading.Lock) -> None:
        """Sleep until woken; the queue is looked at once more after saying so, since work may have come between."""
        self._idle.append(lock)
        if self._queue or number > self._size:
            try:
                self._idle.remove(lock)
            except ValueError:
                lock.acquire()  # somebody has woken us already: take that, so that it is not left for later
            return
        lock.acquire()

    def _may_go_on(self, number: int) -> bool:
        """Whether it is to stay after all; decided together with `resize`."""
        with self._starting:
            if number <= self._size:
                return True
            del self._threads[number]
            return False
