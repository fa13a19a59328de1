"""Suspects run one at a time with nothing beside them; all else goes on as before."""

import asyncio

import pytest

from sylph_mp.consumer import stage
from sylph_mp.consumer.stage import Stage
from tests.unit.turns import timers


class Runner:
    """Begins nothing by itself."""

    def __init__(self):
        self.queue = []

    def submit(self, work):
        self.queue.extend(work)

    def withdraw(self):
        taken, self.queue = self.queue, []
        return taken

    def nudge(self):
        return False

    def begin(self, call):
        self.queue.remove(call)


@pytest.fixture
def play(subscribe, deliver):
    def run(story, count=4):
        subscription = subscribe()
        calls = [[delivery] for delivery in deliver(subscription, *(f"m{n}" for n in range(count)))]

        async def main():
            threads = Runner()
            await story(Stage(threads=threads, async_calls=Runner()), threads, calls)

        asyncio.run(main())

    return run


def test_a_suspect_waits_for_what_runs_and_holds_up_what_has_not_begun(play):
    async def story(stage, threads, calls):
        running, queued, suspect, late = calls
        stage.submit([running, queued])
        threads.begin(running)
        stage.try_alone(suspect)
        stage.submit([late])
        assert threads.queue == []
        stage.ended([running])
        assert threads.queue == [suspect]
        threads.begin(suspect)
        stage.ended([suspect])
        assert threads.queue == [queued, late]

    play(story)


def test_suspects_run_one_after_the_other(play):
    async def story(stage, threads, calls):
        first, second, other, _ = calls
        stage.try_alone(first)
        stage.try_alone(second)
        stage.submit([other])
        assert threads.queue == [first]
        threads.begin(first)
        stage.ended([first])
        assert threads.queue == [second]
        threads.begin(second)
        stage.ended([second])
        assert threads.queue == [other]

    play(story)


def test_a_slow_suspect_opens_the_gate_and_one_tried_before_does_not(play, monkeypatch):
    monkeypatch.setattr(stage, "ALONE_S", 0)

    async def slow(stage, threads, calls):
        suspect, other, *_ = calls
        stage.try_alone(suspect)
        stage.submit([other])
        threads.begin(suspect)
        await timers()
        assert threads.queue == [other]

    async def tried(stage, threads, calls):
        suspect, other, *_ = calls
        suspect[0].tried = True
        stage.try_alone(suspect)
        stage.submit([other])
        threads.begin(suspect)
        await timers()
        assert threads.queue == []

    play(slow)
    play(tried)


def test_withdrawing_takes_what_waits_behind_the_gate_too(play):
    async def story(stage, threads, calls):
        running, suspect, other, _ = calls
        stage.submit([running])
        threads.begin(running)
        stage.try_alone(suspect)
        stage.submit([other])
        assert stage.withdraw() == [other, suspect]

    play(story)
