"""A shard has more polls while receives come back full, and always one."""

import asyncio

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.receiver import MAX_POLLS, Receiver


class Gate:
    """A session whose receives end when, and with as many messages as, the test says."""

    def __init__(self):
        self.polls = []

    async def receive(self, topic, *, batch, lease_s, attempt_id):
        answer = asyncio.get_running_loop().create_future()
        self.polls.append(answer)
        return await answer

    async def answer(self, *counts):
        """Let the oldest polls return together."""
        polls, self.polls = self.polls[: len(counts)], self.polls[len(counts) :]
        for poll, count in zip(polls, counts, strict=True):
            poll.set_result([None] * count)
        for _ in range(10):
            await asyncio.sleep(0)


class Credit:
    """Always a full batch."""

    async def credit(self, subscription):
        return MAX_BATCH

    def arrived(self, subscription, batch, received):
        pass


def play(subscribe, story):
    async def main():
        gate = Gate()
        background = Background(failed=lambda error: None)
        receiver = Receiver(subscription=subscribe(session=gate), intake=Credit(), background=background)
        receiver.start()
        await gate.answer()
        await story(gate, receiver)
        background.cancel()

    asyncio.run(main())


def test_full_receives_add_polls_up_to_the_limit(subscribe):
    async def story(gate, receiver):
        for _ in range(10):
            await gate.answer(MAX_BATCH)
        assert len(gate.polls) == MAX_POLLS

    play(subscribe, story)


def test_polls_that_come_back_short_together_leave_one(subscribe):
    async def story(gate, receiver):
        await gate.answer(MAX_BATCH)
        assert len(gate.polls) == 2
        await gate.answer(3, 5)
        assert len(gate.polls) == 1
        await gate.answer(0)
        assert len(gate.polls) == 1

    play(subscribe, story)


def test_a_quiet_shard_polls_until_its_polls_have_run_out(subscribe):
    async def story(gate, receiver):
        receiver.quiet()
        assert receiver.polling
        await gate.answer(0)
        assert not receiver.polling
        assert gate.polls == []

    play(subscribe, story)
