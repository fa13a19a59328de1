"""A shard has more polls while receives come back full, and always one; at ordered topics each is noted."""

import asyncio

import pytest

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.poll_lines import PollLines
from sylph_mp.consumer.receiver import MAX_POLLS, Receiver
from sylph_mp.errors import NotSentError, TransportError
from sylph_mp.shm.layout import POLL_LINES
from sylph_mp.shm.polls import Polls, PollState
from tests.unit.turns import turns

SECOND = 1_000_000_000


class Gate:
    """A session whose receives end when, and with as many messages as, the test says."""

    def __init__(self):
        self.polls = []
        self.attempt_ids = []

    async def receive(self, topic, *, batch, lease_s, attempt_id):
        answer = asyncio.get_running_loop().create_future()
        self.polls.append(answer)
        self.attempt_ids.append(attempt_id)
        return await answer

    async def answer(self, *counts):
        """Let the oldest polls return together."""
        polls, self.polls = self.polls[: len(counts)], self.polls[len(counts) :]
        for poll, count in zip(polls, counts, strict=True):
            if isinstance(count, Exception):
                poll.set_exception(count)
            else:
                poll.set_result([None] * count)
        await turns(10)


class Credit:
    """Always a full batch; shows how lines look while messages arrive."""

    def __init__(self, polls, arrivals):
        self.polls = polls
        self.arrivals = arrivals
        self.handed_back = []

    async def credit(self, subscription):
        return MAX_BATCH

    def arrived(self, subscription, batch, received, line, *, hand_back):
        self.handed_back.append(hand_back)
        if line is not None:
            line.arriving(77)
            self.arrivals.append(self.polls.scan())
            line.admitted()
        return []

    def left(self, subscription, batch):
        pass


@pytest.fixture
def polls(segment):
    return Polls(segment)


@pytest.fixture
def arrivals():
    """What was noted while messages arrived, at each of these times."""
    return []


@pytest.fixture
def credit(polls, arrivals):
    return Credit(polls, arrivals)


@pytest.fixture
def play(subscribe, polls, credit):
    def play(story, *, fifo=False):
        async def main():
            gate = Gate()
            background = Background(failed=lambda error: None)
            receiver = Receiver(
                subscription=subscribe(session=gate, fifo=fifo),
                intake=credit,
                lines=PollLines(polls),
                background=background,
            )
            receiver.start()
            await gate.answer()
            await story(gate, receiver)
            background.cancel()

        asyncio.run(main())

    return play


def test_full_receives_add_polls_up_to_the_limit(play):
    async def story(gate, receiver):
        for _ in range(10):
            await gate.answer(MAX_BATCH)
        assert len(gate.polls) == MAX_POLLS

    play(story)


def test_polls_that_come_back_short_together_leave_one(play):
    async def story(gate, receiver):
        await gate.answer(MAX_BATCH)
        assert len(gate.polls) == 2
        await gate.answer(3, 5)
        assert len(gate.polls) == 1
        await gate.answer(0)
        assert len(gate.polls) == 1

    play(story)


def test_a_quiet_shard_polls_until_its_polls_have_run_out(play):
    async def story(gate, receiver):
        receiver.quiet()
        assert receiver.polling
        await gate.answer(0)
        assert not receiver.polling
        assert gate.polls == []

    play(story)


def test_what_is_outstanding_is_what_is_noted(play, polls):
    async def story(gate, receiver):
        await gate.answer(MAX_BATCH)
        assert len(gate.polls) == 2
        assert {poll.attempt_id for poll in polls.scan()} == set(gate.attempt_ids[1:])
        await gate.answer(3, 5)
        assert [poll.attempt_id for poll in polls.scan()] == gate.attempt_ids[-1:]
        receiver.quiet()
        await gate.answer(0)
        assert polls.scan() == []

    play(story, fifo=True)


def test_a_poll_is_noted_as_arriving_until_its_messages_are_admitted(play, polls, arrivals):
    async def story(gate, receiver):
        await gate.answer(3)
        ((arriving,),) = arrivals
        assert (arriving.state, arriving.arrived_ns) == (PollState.ARRIVING, 77)
        assert [poll.state for poll in polls.scan()] == [PollState.OUTSTANDING]

    play(story, fifo=True)


def test_a_poll_that_failed_stays_noted(play, polls):
    async def story(gate, receiver):
        await gate.answer(TransportError("reset"))
        assert [poll.attempt_id for poll in polls.scan()] == gate.attempt_ids

    play(story, fifo=True)


@pytest.mark.parametrize(
    ("failed", "fifo", "contested"),
    [
        (TransportError("reset"), True, True),
        (NotSentError("no connection"), True, False),
        (TransportError("reset"), False, False),
    ],
)
def test_what_a_failed_poll_may_take_away_is_handed_back(play, credit, monkeypatch, failed, fifo, contested):
    """Only what comes with the same attempt id."""
    monkeypatch.setattr("sylph_mp.consumer.asking.FIRST_WAIT_S", 0.0)

    async def story(gate, receiver):
        await gate.answer(failed)
        await gate.answer(3)
        assert gate.attempt_ids[0] == gate.attempt_ids[1]
        await gate.answer(2)
        assert credit.handed_back == [contested, False]

    play(story, fifo=fifo)


def test_a_poll_that_outlives_its_loop_stays_noted_for_the_next_process(play, polls):
    noted = []

    async def story(gate, receiver):
        noted.extend(polls.scan())

    play(story, fifo=True)
    assert polls.scan() == noted != []


def test_topics_without_order_are_not_noted(play, polls):
    async def story(gate, receiver):
        await gate.answer(MAX_BATCH)
        assert polls.scan() == []

    play(story)


def test_lines_that_are_given_back_are_used_again(subscribe, polls):
    lines = PollLines(polls)
    ordered = subscribe(fifo=True)
    taken = [lines.take(ordered) for _ in range(POLL_LINES)]
    assert lines.take(ordered) is None
    lines.give_back(taken[9])
    assert lines.take(ordered).number == taken[9].number
