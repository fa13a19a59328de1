"""A dead process's poll is repeated until all that the broker holds under its attempt id has come, and no longer."""

import asyncio
from time import monotonic_ns
from types import SimpleNamespace

import pytest

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.poll_lines import PollLines
from sylph_mp.consumer.repeats import GONE_S, Repeats
from sylph_mp.shm.polls import Polls, PollState
from tests.unit.turns import turns

SECOND = 1_000_000_000
#: The dead process's poll is no longer in the broker.
GONE = GONE_S + 1


class Broker:
    """A session whose receives end when the test says, and an intake that only remembers."""

    def __init__(self):
        self.polls = asyncio.Queue()
        self.taken = []
        self.left_alone = 0

    async def receive(self, topic, *, batch, lease_s, attempt_id):
        assert attempt_id == "dead-1"
        answer = asyncio.get_running_loop().create_future()
        self.polls.put_nowait(answer)
        return await answer

    async def answer(self, count):
        """Answer the next poll; returns when that has been dealt with."""
        (await self.polls.get()).set_result([None] * count)
        await self.pause()

    async def pause(self):
        await turns(10)

    async def credit(self, subscription):
        return MAX_BATCH

    def arrived(self, subscription, batch, received, line):
        line.arriving(1)
        line.admitted()
        deliveries = [SimpleNamespace(settled=False) for _ in received]
        self.taken.append(deliveries)
        return deliveries

    def left(self, subscription, batch):
        self.left_alone += 1


@pytest.fixture
def polls(segment):
    return Polls(segment)


@pytest.fixture
def play(subscribe, polls):
    def play(story, *, asked_s_ago=GONE, lease_s=30, state=PollState.OUTSTANDING, held=()):
        async def main():
            broker = Broker()
            background = Background(failed=lambda error: None)
            subscription = subscribe(session=broker, fifo=True, lease_s=lease_s)
            polls.ask(7, 0, "dead-1", monotonic_ns() - int(asked_s_ago * SECOND))
            if state is PollState.TO_REPEAT:
                polls.repeat_later(7)
            repeats = Repeats(intake=broker, lines=PollLines(polls), background=background)
            repeats.adopt(subscription, polls.read(7), held)
            repeats.start()
            await broker.pause()
            await story(broker, repeats)
            background.cancel()

        asyncio.run(main())

    return play


def settle(deliveries, repeats):
    for delivery in deliveries:
        delivery.settled = True
    repeats.settled(None)


def test_an_empty_answer_is_the_last(play, polls):
    async def story(broker, repeats):
        assert repeats.polling
        await broker.answer(0)
        assert not repeats.polling
        assert polls.scan() == []

    play(story)


def test_the_next_poll_waits_for_all_that_came_to_be_settled(play, polls):
    """It tells whether the acks were good: if not, the same comes again."""

    async def story(broker, repeats):
        await broker.answer(3)
        (taken,) = broker.taken
        settle(taken[1:], repeats)
        await broker.pause()
        assert not repeats.polling
        assert polls.read(7).state is PollState.TO_REPEAT
        settle(taken, repeats)
        await broker.answer(0)
        assert polls.scan() == []

    play(story)


def test_what_a_dead_process_had_repeated_is_settled_before_it_is_repeated_again(play):
    held = [SimpleNamespace(settled=False)]

    async def story(broker, repeats):
        assert not repeats.polling
        settle(held, repeats)
        await broker.answer(0)
        assert broker.taken == [[]]

    play(story, state=PollState.TO_REPEAT, held=held)


def test_while_the_dead_process_s_own_poll_may_take_a_batch_away_an_answer_is_asked_for_twice(play, polls):
    async def story(broker, repeats):
        await broker.answer(2)
        assert (broker.left_alone, broker.taken) == (1, [])
        await broker.answer(2)
        (taken,) = broker.taken
        assert len(taken) == 2
        settle(taken, repeats)
        await broker.answer(0)
        assert polls.read(7) is not None, "one poll more, sent when the other is gone"

    play(story, asked_s_ago=0)


def test_nothing_is_repeated_beyond_the_lease(play, polls):
    async def story(broker, repeats):
        await broker.answer(MAX_BATCH)
        assert polls.scan() == []

    play(story, asked_s_ago=GONE + 30, lease_s=30)


def test_what_is_not_over_when_the_process_goes_quiet_is_left_to_the_next(play, polls):
    async def story(broker, repeats):
        repeats.quiet()
        await broker.answer(MAX_BATCH)
        assert len(broker.taken) == 1
        assert not repeats.polling
        assert polls.read(7).state is PollState.TO_REPEAT

    play(story)
