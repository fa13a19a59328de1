"""A dead process's poll is repeated until all that the broker holds under its attempt id has come, and no longer."""

import asyncio
from time import monotonic_ns

import pytest

from sylph_mp.consumer.asking import GONE_NS
from sylph_mp.consumer.background import Background
from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.delivery import ACKED
from sylph_mp.consumer.poll_lines import PollLines
from sylph_mp.consumer.repeats import Repeats
from sylph_mp.errors import TransportError
from sylph_mp.ports import Settled
from sylph_mp.shm.polls import Polls, PollState
from sylph_mp.testing.fake_session import FakeReceived
from tests.unit.turns import turns

SECOND = 1_000_000_000
#: The dead process's poll is no longer in the broker.
GONE_S = GONE_NS / SECOND
GONE = GONE_S + 1


class Held:
    """A delivery, as far as this needs one."""

    def __init__(self, source):
        self.source = source
        self.handle = source.handle
        self.kept = self.acked = self.settled = False
        self.result = None

    def finish(self):
        """It is acked, and kept if it is to be."""
        self.result = ACKED
        self.acked, self.settled = self.kept, not self.kept

    def lose(self):
        self.settled = True


class Broker:
    """A session whose receives end when the test says, an intake and a buffer that only remember."""

    def __init__(self):
        self.polls = asyncio.Queue()
        self.taken = []
        self.acked = []
        self.handed_back = []
        self.unanswered_acks = 0
        self.free_entries = 1024

    async def receive(self, topic, *, batch, lease_s, attempt_id):
        assert attempt_id == "dead-1"
        answer = asyncio.get_running_loop().create_future()
        self.polls.put_nowait(answer)
        return await answer

    async def ack(self, topic, entries):
        if self.unanswered_acks:
            self.unanswered_acks -= 1
            raise TransportError("away")
        self.acked += [handle for _, handle in entries]
        return [Settled()] * len(entries)

    async def answer(self, *offsets, pop=1):
        """Answer the next poll with messages from these places; returns when that has been dealt with."""
        (await self.polls.get()).set_result([message(offset, pop) for offset in offsets])
        await self.pause()

    async def pause(self):
        await turns(10)

    @property
    def asked(self):
        return not self.polls.empty()

    async def credit(self, subscription):
        return MAX_BATCH

    def arrived(self, subscription, batch, received, line, *, hand_back):
        line.arriving(1)
        line.admitted()
        deliveries = [Held(source) for source in received]
        (self.handed_back if hand_back else self.taken).extend(deliveries)
        return deliveries

    def left(self, subscription, batch):
        pass

    def room(self):
        pass

    def release(self, deliveries):
        for delivery in deliveries:
            assert not delivery.settled
            delivery.settled = True

    def extend(self, delivery, handle, lease_ns):
        delivery.handle = handle


def message(offset, pop=1):
    received = FakeReceived(message_id=f"m{offset}", offset=offset)
    received.handle = f"m{offset} popped {pop}"
    return received


class Hands:
    """The clock of what is asked, which only a pause moves on."""

    def __init__(self):
        self.now_ns = monotonic_ns()
        self.paused_s = []
        self.stuck = False
        """A pause does not end."""

    def __call__(self):
        return self.now_ns

    async def pause(self, seconds):
        self.paused_s.append(seconds)
        if self.stuck:
            await asyncio.Event().wait()
        self.now_ns += int(seconds * SECOND) + 1


@pytest.fixture
def hands(monkeypatch):
    hands = Hands()
    for module in ("asking", "repeats"):
        monkeypatch.setattr(f"sylph_mp.consumer.{module}.monotonic_ns", hands)
    return hands


@pytest.fixture
def polls(segment):
    return Polls(segment)


@pytest.fixture
def play(subscribe, polls, hands):
    def play(story, *, asked_s_ago=GONE, lease_s=30, state=PollState.OUTSTANDING, held=()):
        async def main():
            broker = Broker()
            background = Background(failed=lambda error: pytest.fail(f"{error!r}"))
            subscription = subscribe(session=broker, fifo=True, lease_s=lease_s)
            polls.ask(7, 0, "dead-1", hands.now_ns - int(asked_s_ago * SECOND))
            if state is PollState.TO_REPEAT:
                polls.repeat_later(7)
            repeats = Repeats(
                intake=broker, buffer=broker, lines=PollLines(polls), background=background, pause=hands.pause
            )
            repeats.adopt(subscription, polls.read(7), held)
            repeats.start()
            await broker.pause()
            await story(broker, repeats)
            background.cancel()

        asyncio.run(main())

    return play


def finish(deliveries, repeats):
    for delivery in deliveries:
        delivery.finish()
    repeats.settled(None)


def test_an_empty_answer_is_the_last(play, polls):
    async def story(broker, repeats):
        assert repeats.polling
        await broker.answer()
        assert not repeats.polling
        assert polls.scan() == []

    play(story)


def test_the_next_poll_waits_for_all_that_came_to_be_settled(play, polls):
    """It tells whether the acks were good: if not, the same comes again."""

    async def story(broker, repeats):
        await broker.answer(1, 2, 3)
        finish(broker.taken[1:], repeats)
        await broker.pause()
        assert not repeats.polling
        assert polls.read(7).state is PollState.TO_REPEAT
        finish(broker.taken, repeats)
        await broker.answer()
        assert polls.scan() == []

    play(story)


def test_what_had_come_before_the_death_is_settled_before_it_is_repeated(play):
    held = [Held(message(1))]

    async def story(broker, repeats):
        assert not broker.asked
        finish(held, repeats)
        await broker.answer()
        assert (broker.taken, broker.asked) == ([], False)

    play(story, state=PollState.TO_REPEAT, held=held)


def test_what_the_dead_poll_may_take_away_is_handed_back_and_not_asked_for_before_that_is_gone(play, hands):
    async def story(broker, repeats):
        await broker.answer(1, 2)
        assert [delivery.source.id for delivery in broker.handed_back] == ["m1", "m2"]
        assert not broker.asked
        finish(broker.handed_back, repeats)
        await broker.answer(3)
        assert hands.paused_s == [pytest.approx(0.5)]
        assert [delivery.source.id for delivery in broker.taken] == ["m3"]

    play(story, asked_s_ago=GONE_S - 0.5)


def test_nothing_is_asked_before_what_is_handed_back_is_settled(play, hands):
    async def story(broker, repeats):
        await broker.answer(1)
        assert not broker.asked
        assert hands.paused_s == []

    play(story, asked_s_ago=GONE_S - 0.1)


def test_a_poll_that_rests_ends_at_once_when_quiet(play, polls, hands):
    hands.stuck = True

    async def story(broker, repeats):
        await broker.answer(1)
        finish(broker.handed_back, repeats)
        await broker.pause()
        assert hands.paused_s == [pytest.approx(GONE_S)]
        repeats.quiet()
        await broker.pause()
        assert not repeats.polling
        assert polls.read(7).state is PollState.TO_REPEAT

    play(story, asked_s_ago=0)


def test_what_is_held_here_when_it_comes_takes_the_newer_handle_and_runs_once(play):
    """A broker that was killed does not know any more what it had given out under another id."""
    held = [Held(message(1))]

    async def story(broker, repeats):
        await broker.answer(1, 2, pop=2)
        assert [delivery.source.id for delivery in broker.taken] == ["m2"]
        assert held[0].handle == "m1 popped 2"
        assert broker.acked == []

    play(story, held=held)


def test_what_is_done_is_acked_once_more_and_not_run_again(play):
    """Its ack was void, the dead process's poll having taken it away just before."""

    async def story(broker, repeats):
        await broker.answer(1, 2)
        finish(broker.taken, repeats)
        await broker.answer(1, 2, pop=2)
        assert broker.acked == ["m1 popped 2", "m2 popped 2"]
        assert [delivery.source.id for delivery in broker.taken] == ["m1", "m2"]

    play(story)


def test_an_ack_that_did_not_reach_the_broker_is_sent_with_the_next_answer(play, monkeypatch):
    monkeypatch.setattr("sylph_mp.consumer.repeats.ACK_AGAIN_AFTER_S", 0.0)

    async def story(broker, repeats):
        await broker.answer(1)
        finish(broker.taken, repeats)
        broker.unanswered_acks = 1
        await broker.answer(1, pop=2)
        await broker.answer(1, pop=3)
        assert broker.acked == ["m1 popped 3"]

    play(story)


def test_what_was_lost_or_handed_back_undone_runs_when_it_comes_again(play):
    async def story(broker, repeats):
        await broker.answer(1)
        broker.taken[0].lose()
        repeats.settled(None)
        await broker.answer(1, pop=2)
        assert [delivery.handle for delivery in broker.taken] == ["m1 popped 1", "m1 popped 2"]
        assert broker.acked == []

    play(story)


def test_a_message_stored_anew_in_the_same_place_runs(play):
    """As in a topic that was deleted and made again."""

    async def story(broker, repeats):
        await broker.answer(1)
        finish(broker.taken, repeats)
        other = message(1, pop=2)
        other.id = "another"
        (await broker.polls.get()).set_result([other])
        await broker.pause()
        assert [delivery.source.id for delivery in broker.taken] == ["m1", "another"]

    play(story)


def test_what_lies_before_the_first_of_an_answer_is_acked_and_forgotten(play):
    """A queue is popped from there; so nothing is kept for longer than needed."""

    async def story(broker, repeats):
        await broker.answer(1, 2)
        finish(broker.taken, repeats)
        await broker.answer(2, 3, pop=2)
        finish(broker.taken[2:], repeats)
        await broker.answer(1, pop=3)  # cannot be, but for an operator who has set the group back
        assert [delivery.source.id for delivery in broker.taken] == ["m1", "m2", "m3", "m1"]

    play(story)


def test_nothing_is_repeated_beyond_the_lease(play, polls):
    async def story(broker, repeats):
        await broker.answer(1)
        assert polls.scan() == []

    play(story, asked_s_ago=GONE + 30, lease_s=30)


def test_what_is_not_over_when_the_process_goes_quiet_is_left_to_the_next(play, polls):
    async def story(broker, repeats):
        repeats.quiet()
        await broker.answer(1)
        assert len(broker.taken) == 1
        assert not repeats.polling
        assert polls.read(7).state is PollState.TO_REPEAT

    play(story)


def test_what_is_acked_stays_in_the_table_until_an_answer_shows_that_the_broker_knows(play):
    """For a successor: the ack was void if the dead poll, or the next of ours, came before it."""

    async def story(broker, repeats):
        await broker.answer(1, 2, 3)
        finish(broker.taken, repeats)
        await broker.answer(2, 3, pop=2)
        assert [delivery.settled for delivery in broker.taken] == [True, False, False]
        await broker.answer(3, pop=3)
        assert [delivery.settled for delivery in broker.taken] == [True, True, False]

    play(story)


@pytest.mark.parametrize("ending", ["an empty answer", "quiet"])
def test_nothing_is_kept_in_the_table_when_it_is_over(play, ending):
    async def story(broker, repeats):
        await broker.answer(1, 2)
        finish(broker.taken[:1], repeats)
        assert not broker.taken[0].settled
        if ending == "quiet":
            repeats.quiet()
        else:
            finish(broker.taken[1:], repeats)
            await broker.answer()
        assert broker.taken[0].settled
        assert not any(delivery.kept for delivery in broker.taken)

    play(story)


def test_rather_than_wait_for_places_what_is_acked_gives_up_its_own(play):
    async def story(broker, repeats):
        await broker.answer(1, 2)
        finish(broker.taken, repeats)
        broker.free_entries = MAX_BATCH - 1
        await broker.answer()
        assert all(delivery.settled for delivery in broker.taken)

    play(story)
