"""Calls of a topic with a rate begin as fast as they may, all others at once."""

import asyncio
from functools import partial

import pytest

from sylph_mp.consumer.stage import Stage
from sylph_mp.consumer.turnstile import Turnstile


class Rates:
    """One line; the test says what there is."""

    def __init__(self):
        self.any_limited = True
        self.rate = 100.0
        self.there = 0.0

    def rate_per_s(self, topic):
        return self.rate

    def available(self, topic, now_ns):
        return self.there

    def take(self, topic, count):
        self.there -= count


class Runner:
    def __init__(self):
        self.begun = []
        self.more = asyncio.Event()

    def submit(self, work):
        self.begun.extend(work)
        self.more.set()

    def withdraw(self):
        return []

    def nudge(self):
        return False


@pytest.fixture
def play(subscribe, deliver):
    def run(story, count=4, each=1):
        subscription = subscribe()
        deliveries = deliver(subscription, *(f"m{n}" for n in range(count * each)))
        calls = [deliveries[at : at + each] for at in range(0, len(deliveries), each)]

        async def main():
            rates, threads = Rates(), Runner()
            stage = Stage(threads=threads, async_calls=Runner())
            turnstile = Turnstile(stage=stage, rates=rates, lines={subscription.name: 0}, monotonic_ns=partial(int, 0))
            async with asyncio.timeout(10):
                await story(turnstile, rates, threads, calls)

        asyncio.run(main())

    return run


async def more(threads):
    threads.more.clear()
    await threads.more.wait()


def test_what_has_no_rate_goes_straight_through(play):
    async def story(turnstile, rates, threads, calls):
        rates.any_limited = False
        turnstile.submit(calls)
        assert threads.begun == calls
        assert rates.there == 0

    play(story)


def test_a_topic_without_a_rate_does_not_wait_for_those_that_have_one(play):
    async def story(turnstile, rates, threads, calls):
        rates.rate = 0.0
        turnstile.submit(calls)
        assert threads.begun == calls

    play(story)


def test_calls_wait_for_what_is_granted_and_keep_their_order(play):
    async def story(turnstile, rates, threads, calls):
        rates.there = 2.5
        turnstile.submit(calls[:3])
        assert threads.begun == calls[:2]
        rates.there = 0.0
        turnstile.submit(calls[3:])
        assert threads.begun == calls[:2]
        rates.there = 2.0
        await more(threads)
        assert threads.begun == calls
        assert rates.there == 0.0

    play(story)


def test_a_batch_begins_with_one_and_owes_the_rest(play):
    async def story(turnstile, rates, threads, calls):
        rates.there = 1.0
        turnstile.submit(calls)
        assert threads.begun == calls[:1]
        assert rates.there == -2.0
        rates.there = 1.0
        await more(threads)
        assert threads.begun == calls[:2]
        turnstile.withdraw()

    play(story, count=3, each=3)


def test_a_limit_that_is_lifted_lets_all_through(play):
    async def story(turnstile, rates, threads, calls):
        turnstile.submit(calls)
        assert threads.begun == []
        rates.any_limited, rates.rate = False, 0.0
        await more(threads)
        assert threads.begun == calls

    play(story)


def test_what_waits_can_be_taken_back(play):
    async def story(turnstile, rates, threads, calls):
        turnstile.submit(calls)
        assert turnstile.withdraw() == calls
        rates.there = 100.0
        turnstile.submit(calls[:1])
        assert threads.begun == calls[:1]

    play(story)


def test_a_suspect_does_not_wait_but_counts(play):
    async def story(turnstile, rates, threads, calls):
        turnstile.try_alone(calls[0])
        assert threads.begun == calls[:1]
        assert rates.there == -1.0

    play(story)
