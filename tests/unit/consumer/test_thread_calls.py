"""A call in a worker thread is ended from outside; what the thread does besides its calls is never hit."""

import gc
import io
import linecache
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from sylph_mp import logs
from sylph_mp.api import TimeLimitExceeded
from sylph_mp.consumer import thread_calls
from sylph_mp.consumer.thread_calls import Going, ThreadCalls

LIMIT_S = 10


class Thread:
    """A worker thread that makes calls one after the other as `behave` says, and keeps what became of them."""

    def __init__(self, behave: Callable[[object], object], calls: Iterable[list]) -> None:
        self.calls = ThreadCalls()
        self.seen: list[object] = []
        self.escaped: BaseException | None = None
        self._behave = behave
        self._pending = calls
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        self.calls.enter(1, threading.get_ident())
        guard = self.calls.guard(1)
        try:
            for call in self._pending:
                self.seen.append(self._one(guard, call))
        except BaseException as error:  # noqa: BLE001 - whatever gets here is what the tests look for
            self.escaped = error

    def _one(self, guard, call):
        try:
            return guard.call(call, self._behave, call, None)
        except TimeLimitExceeded:
            return TimeLimitExceeded

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def going(self) -> Going:
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if going := self.calls.going():
                return going[0]
        raise AssertionError("no call began")

    def join(self) -> None:
        self._thread.join(LIMIT_S)
        assert not self.alive
        assert self.escaped is None


def spin(_: object) -> None:
    while True:
        pass


def test_an_endless_loop_is_ended():
    thread = Thread(spin, [["a"], ["b"]])
    for name in "ab":
        going = thread.going()
        assert going[:2] == ([name], 1)
        assert thread.calls.interrupt(going)
        while going.call in [each.call for each in thread.calls.going()]:
            os.sched_yield()
    thread.join()
    assert thread.seen == [TimeLimitExceeded] * 2
    assert thread.calls.going() == []


def test_a_call_is_interrupted_once_and_stays_visible_until_it_is_over():
    release = threading.Event()

    def swallow(_: object) -> str:
        try:
            spin(_)
        except TimeLimitExceeded:
            release.wait(LIMIT_S)
        return "swallowed"

    thread = Thread(swallow, [["a"]])
    going = thread.going()
    assert thread.calls.interrupt(going)
    assert not thread.calls.interrupt(going)
    assert thread.calls.going() == [going]
    release.set()
    thread.join()
    assert thread.seen == ["swallowed"]


def test_a_call_that_is_over_is_not_interrupted():
    calls = [["a"], ["b"]]
    gate = threading.Semaphore(0)
    thread = Thread(lambda _: gate.acquire(timeout=LIMIT_S), calls)
    first = thread.going()
    gate.release()
    while thread.going().call is calls[0]:
        pass
    assert not thread.calls.interrupt(first)
    gate.release()
    thread.join()
    assert thread.seen == [True, True]


def test_the_stack_begins_with_the_handler():
    gate = threading.Event()

    def handler(_: object) -> None:
        inner()

    def inner() -> None:
        gate.wait(LIMIT_S)

    thread = Thread(handler, [["a"]])
    going = thread.going()
    names: list[str] = []
    while "wait" not in names:
        names = [frame.f_code.co_name for frame in thread.calls.frames(going)]
    assert names[:3] == ["handler", "inner", "wait"]
    gate.set()
    thread.join()


def test_a_call_that_ends_while_it_is_interrupted_keeps_its_result_and_the_next_one_is_not_hit(monkeypatch):
    thread = late_interrupt(monkeypatch, hit_own_code=False)
    assert thread.seen == ["done", "done"]


def test_an_exception_that_comes_after_the_handler_has_returned_hits_nothing(monkeypatch):
    thread = late_interrupt(monkeypatch, hit_own_code=True)
    assert thread.seen == ["done", "done"]
    assert thread.calls.going() == []


def late_interrupt(monkeypatch, *, hit_own_code: bool) -> Thread:
    """Raise when the handler has returned and its thread waits in the guard's own code for the lock.

    Taking the exception back is a call into C, which it cannot precede; `hit_own_code` puts a function before it.
    """
    begun, release = threading.Event(), threading.Event()
    raise_in = thread_calls._raise_in

    def handler(_: object) -> str:
        begun.set()
        release.wait(LIMIT_S)
        return "done"

    def late(ident: int, exception: object) -> int:
        if threading.get_ident() == ident:
            return raise_in(ident, exception)
        if not hit_own_code:
            monkeypatch.setattr(thread_calls, "_raise_in", raise_in)
        release.set()
        while _line_of(ident) != "with self._lock:":
            os.sched_yield()
        return raise_in(ident, exception)

    monkeypatch.setattr(thread_calls, "_raise_in", late)
    thread = Thread(handler, [["a"], ["b"]])
    assert begun.wait(LIMIT_S)
    assert thread.calls.interrupt(thread.going())
    thread.join()
    return thread


def _line_of(ident: int) -> str:
    frame = sys._current_frames()[ident]
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """And no garbage collection: the interpreter swallows what is raised in its callbacks (hypothesis has one)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    gc.disable()
    yield
    gc.enable()
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_thousands_of_interrupts_of_very_short_calls_hit_nothing_else():
    """Each call is aimed at as it ends. Hit or over by then: its thread goes on, and no other call is hit."""
    turn: queue.SimpleQueue[bool] = queue.SimpleQueue()
    begun: queue.SimpleQueue[None] = queue.SimpleQueue()

    def short(call: list[int]) -> str:
        begun.put(None)
        for _ in range(call[0] * 7 % 10_000):
            pass
        return "done"

    def calls() -> Iterator[list[int]]:
        number = 0
        while turn.get():
            number += 1
            yield [number]

    thread = Thread(short, calls())
    aimed = set()
    while len(aimed) < 2_000:
        turn.put(True)
        begun.get(timeout=LIMIT_S)
        aimed |= {going.call[0] for going in thread.calls.going() if thread.calls.interrupt(going)}
    turn.put(False)
    thread.join()
    hit = {number for number, seen in enumerate(thread.seen, 1) if seen is TimeLimitExceeded}
    assert set(thread.seen) <= {"done", TimeLimitExceeded}
    assert hit <= aimed
    assert thread.calls.going() == []


@pytest.mark.usefixtures("quick_switches")
def test_a_call_that_is_hit_while_it_logs_leaves_the_log_to_others(monkeypatch):
    # Where multiprocessing is imported, a record asks it for a name and swallows every Exception of that, ours too.
    monkeypatch.setattr(logging, "logMultiprocessing", False)
    logs.configure(form="text", level="info", stream=io.StringIO())
    (handler,) = [handler for handler in logging.getLogger(logs.OWN).handlers if isinstance(handler, logs.LineHandler)]
    log = logs.Log("slot 1")
    over = threading.Event()

    def chat(_: object) -> None:
        while not over.is_set():
            log.info("chat", "still here")

    rounds = 400
    thread = Thread(chat, ([number] for number in range(rounds)))
    try:
        for number in range(rounds):
            while not (going := thread.calls.going()) or going[0].call != [number]:
                os.sched_yield()
            for _ in range(number % 7 * 2_000):
                pass
            assert thread.calls.interrupt(going[0])
            while any(each.run is going[0].run for each in thread.calls.going()):
                os.sched_yield()
    finally:
        over.set()
        thread.join()
    assert handler.lock.acquire(timeout=1)
    handler.lock.release()
