"""Threads take work until there is none, a slow call holds up only its own thread, and the pool can be resized."""

import os
import threading
from collections.abc import Callable
from time import monotonic_ns

from sylph_mp.consumer import worker_pool
from sylph_mp.consumer.worker_pool import GOOD_ENOUGH_NS, WorkerPool


class Bench:
    """Runs functions as work and counts them when they are done."""

    def __init__(self, size: int) -> None:
        self.done = threading.Semaphore(0)
        self.threads: set[int] = set()
        self.idents: dict[int, int] = {}
        self.pool: WorkerPool[Callable[[], object]] = WorkerPool(
            size=size, run=self._run, done=lambda _: self.done.release(), started=self.idents.__setitem__
        )

    def _run(self, work: Callable[[], object], thread: int, now_ns: int) -> int:
        self.threads.add(thread)
        work()
        return monotonic_ns()

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.done.acquire(timeout=10)


def test_all_work_is_done_once():
    bench = Bench(4)
    seen = []
    for start in range(0, 1000, 50):
        bench.pool.submit([lambda n=n: seen.append(n) for n in range(start, start + 50)])
    bench.wait(1000)
    assert sorted(seen) == list(range(1000))
    assert bench.pool.queued == 0
    bench.pool.stop()


def test_work_behind_a_blocked_call_is_done_by_others():
    bench = Bench(2)
    gate = threading.Event()
    bench.pool.submit([gate.wait, lambda: None, lambda: None])
    while bench.pool.nudge():
        pass
    bench.wait(2)
    gate.set()
    bench.wait(1)
    bench.pool.stop()


def test_a_thread_that_has_just_begun_is_left_to_come_back(monkeypatch):
    now_ns = 0
    monkeypatch.setattr(worker_pool, "monotonic_ns", lambda: now_ns)
    bench = Bench(2)
    while bench.pool.idle < 2:
        os.sched_yield()
    begun, gate = threading.Event(), threading.Event()
    bench.pool.submit([lambda: begun.set() or gate.wait(10)])
    assert begun.wait(10)

    bench.pool.submit([lambda: None])
    assert bench.pool.nudge()
    assert (bench.pool.queued, bench.pool.idle) == (1, 1)

    now_ns = GOOD_ENOUGH_NS + 1
    bench.pool.nudge()
    bench.wait(1)
    gate.set()
    bench.wait(1)
    bench.pool.stop()


def test_no_nudge_is_due_while_all_threads_are_busy():
    bench = Bench(2)
    gates = [threading.Event(), threading.Event()]
    begun = threading.Semaphore(0)

    def blocked(gate):
        begun.release()
        gate.wait(10)

    bench.pool.submit([lambda: blocked(gates[0]), lambda: blocked(gates[1]), lambda: None])
    while bench.pool.nudge():
        pass
    for _ in gates:
        assert begun.acquire(timeout=10)
    assert bench.pool.queued == 1
    assert not bench.pool.nudge()
    gates[0].set()
    bench.wait(2)
    gates[1].set()
    bench.wait(1)
    bench.pool.stop()


def test_more_threads_run_at_once_after_growing():
    bench = Bench(1)
    bench.pool.resize(3)
    together = threading.Barrier(3)
    bench.pool.submit([lambda: together.wait(10)] * 3)
    while bench.pool.nudge():
        pass
    bench.wait(3)
    assert bench.threads == {1, 2, 3}
    assert sorted(bench.idents) == [1, 2, 3]
    bench.pool.stop()


def test_shrinking_ends_threads_after_their_present_call():
    bench = Bench(4)
    bench.pool.resize(1)
    bench.pool.submit([lambda: None] * 20)
    bench.wait(20)
    for thread in threading.enumerate():
        if thread.name.startswith("worker-") and thread.ident in {bench.idents.get(n) for n in (2, 3, 4)}:
            thread.join(10)
    assert bench.pool.alive == 1
    bench.pool.stop()


def test_withdrawn_work_is_not_run():
    bench = Bench(1)
    gate, begun = threading.Event(), threading.Event()
    ran = []
    bench.pool.submit([lambda: (begun.set(), gate.wait(10))])
    assert begun.wait(10)
    bench.pool.submit([lambda: ran.append(1)])
    assert len(bench.pool.withdraw()) == 1
    gate.set()
    bench.wait(1)
    assert ran == []
    bench.pool.stop()


def test_busy_time_counts_calls_that_are_still_going_on():
    bench = Bench(1)
    gate, begun = threading.Event(), threading.Event()
    bench.pool.submit([lambda: (begun.set(), gate.wait(10))])
    assert begun.wait(10)
    assert bench.pool.busy_ns(1 << 62) > 0
    gate.set()
    bench.wait(1)
    bench.pool.stop()
