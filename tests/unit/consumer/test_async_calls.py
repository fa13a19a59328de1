"""Calls of async handlers are seen, cancelled on their own loop, and shown where they wait; who blocks it is named."""

import asyncio
import os
import threading
import time

import pytest

from sylph_mp.consumer.async_calls import AsyncCalls

LIMIT_S = 10


class Bench:
    def __init__(self) -> None:
        self.done = threading.Semaphore(0)
        self.ended: dict[str, object] = {}
        self.handlers: dict[str, object] = {}
        self.calls = AsyncCalls(limit=10, run=self._run, done=lambda _: self.done.release())

    async def _run(self, work) -> None:
        work[0].started_ns = 1
        name = work[0].source.id
        try:
            self.ended[name] = await self.handlers[name]()
        except asyncio.CancelledError:
            self.ended[name] = "cancelled"

    def until(self, condition):
        end = time.monotonic() + LIMIT_S
        while not (seen := condition()):
            assert time.monotonic() < end
            os.sched_yield()
        return seen

    def going(self, name: str):
        found = self.until(lambda: [going for going in self.calls.going() if going.call[0].source.id == name])
        return found[0]


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.calls.stop()


async def forever() -> None:
    await asyncio.Event().wait()


def test_a_call_that_never_returns_is_cancelled_and_the_others_go_on(bench, subscribe, deliver):
    one, two = deliver(subscribe(), "one", "two")
    bench.handlers = {"one": forever, "two": forever}
    bench.calls.submit([[one], [two]])
    bench.going("two")
    going = bench.going("one")
    assert bench.calls.interrupt(going)
    assert bench.done.acquire(timeout=LIMIT_S)
    assert bench.ended == {"one": "cancelled"}
    assert not bench.calls.interrupt(going)
    assert bench.going("two")


def test_its_stack_goes_to_where_it_waits(bench, subscribe, deliver):
    bench.handlers = {"one": forever}
    bench.calls.submit([deliver(subscribe(), "one")])
    names = [frame.f_code.co_name for frame in bench.calls.frames(bench.going("one"))]
    assert names[-2:] == ["forever", "wait"]


def test_the_call_that_blocks_the_loop_is_the_culprit_and_its_stack_is_the_threads(bench, subscribe, deliver):
    release, blocking = threading.Event(), threading.Event()

    async def block() -> None:
        blocking.set()
        release.wait(LIMIT_S)

    one, two = deliver(subscribe(), "one", "two")
    bench.handlers = {"one": forever, "two": block}
    bench.calls.submit([[one], [two]])
    assert blocking.wait(LIMIT_S)
    victim, blocker = bench.going("one"), bench.going("two")
    assert bench.calls.interrupt(victim)
    assert bench.calls.culprit(victim) == blocker
    assert "block" in [frame.f_code.co_name for frame in bench.calls.frames(blocker)]
    release.set()
    assert bench.done.acquire(timeout=LIMIT_S)


def test_one_that_swallows_its_cancellation_is_its_own_culprit(bench, subscribe, deliver):
    async def stay() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            bench.ended["one"] = "swallowed"
            await forever()

    bench.handlers = {"one": stay}
    bench.calls.submit([deliver(subscribe(), "one")])
    going = bench.going("one")
    assert bench.calls.interrupt(going)
    bench.until(lambda: bench.ended)
    assert bench.calls.culprit(going) == going
    assert bench.going("one") == going
