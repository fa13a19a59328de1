"""Credit goes to whoever has waited longest, and none of it is lost when somebody stops waiting."""

import asyncio
from types import SimpleNamespace

import pytest

from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.intake import Intake
from tests.unit.turns import turns


@pytest.fixture
def intake(buffer):
    # Before the first call a topic has an appetite for one batch: there is credit for one poll.
    return Intake(
        buffer=buffer,
        leases=SimpleNamespace(keep=lambda *_: None),
        dispatch=lambda *_: None,
        hand_back=lambda _: None,
        capacity=lambda _: 1,
        rate_per_s=lambda _: 0.0,
        blocked=lambda: False,
    )


def test_who_asks_again_at_once_is_not_before_those_who_wait(intake, subscribe):
    subscription = subscribe(fifo=True)
    polls = []

    async def receiver(name):
        while len(polls) < 6:
            batch = await intake.credit(subscription)
            polls.append(name)
            await turns()
            intake.arrived(subscription, batch, [], None)

    async def main():
        await asyncio.wait_for(asyncio.gather(receiver("a"), receiver("b"), receiver("c")), 5)

    asyncio.run(main())
    assert polls[:6] == ["a", "b", "c"] * 2


@pytest.mark.parametrize("granted", [False, True])
def test_whoever_is_cancelled_while_waiting_leaves_its_credit_to_others(intake, subscribe, granted):
    subscription = subscribe()

    async def main():
        first = await intake.credit(subscription)
        second, third = (asyncio.create_task(intake.credit(subscription)) for _ in range(2))
        await turns(3)
        if granted:
            intake.left(subscription, first)
        second.cancel()
        if not granted:
            await turns(3)
            intake.left(subscription, first)
        intake.left(subscription, await asyncio.wait_for(third, 5))
        assert second.cancelled()
        assert await asyncio.wait_for(intake.credit(subscription), 5) == first == MAX_BATCH

    asyncio.run(main())


@pytest.mark.parametrize(("fifo", "least"), [(False, MAX_BATCH), (True, 1)])
def test_while_enough_is_queued_a_receive_waits_until_it_is_worth_it(intake, subscribe, fifo, least):
    subscription = subscribe(fifo=fifo)
    subscription.stats.run_s = 0.01  # 200 in two seconds

    async def main():
        subscription.stats.pending = 200 - least + 1
        asking = asyncio.create_task(intake.credit(subscription))
        await turns(3)
        assert not asking.done()
        subscription.stats.pending -= 1
        intake.room()
        assert await asyncio.wait_for(asking, 5) == least

    asyncio.run(main())
