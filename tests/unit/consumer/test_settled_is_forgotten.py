"""What is settled is not kept in memory until its lease would have been renewed."""

import asyncio
import weakref

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.delivery import ACKED
from sylph_mp.consumer.leases import Leases
from sylph_mp.consumer.settlement import Settlement
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.shm.table import EntryState
from sylph_mp.testing.fake_session import FakeReceived, FakeSession
from tests.unit.turns import turns


class Weak(FakeReceived):
    """One that can be referred to without keeping it."""


def test_no_round_keeps_a_delivery(buffer, subscribe):
    async def story() -> None:
        subscription = subscribe()
        leases = Leases(buffer=buffer, background=Background(failed=lambda error: None))
        source = Weak(b"body", message_id="m")
        kept = weakref.ref(source)
        deliveries = buffer.admit(subscription, [source], 1)
        leases.keep(subscription, deliveries, 1)

        buffer.release(deliveries)

        del source, deliveries
        assert kept() is None

    asyncio.run(story())


def test_what_is_kept_stays_in_the_table_as_done(buffer, subscribe, table):
    async def story() -> None:
        subscription = subscribe(session=FakeSession(), fifo=True)
        background = Background(failed=lambda error: None)
        settlement = Settlement(buffer=buffer, background=background)
        deliveries = buffer.admit(subscription, [FakeReceived(message_id=f"m{number}") for number in range(2)], 1)
        told: list[Subscription] = []
        settlement.listen(told.append)
        for delivery in deliveries:
            delivery.result = ACKED
        deliveries[0].kept = True
        buffer.finish(deliveries)
        settlement.settle(deliveries)
        async with asyncio.timeout(5):
            while not told:
                await turns()

        (entry,) = table.scan()
        assert (entry.index, entry.state) == (deliveries[0].index, EntryState.DONE)
        assert [delivery.acked for delivery in deliveries] == [True, False]
        assert [delivery.settled for delivery in deliveries] == [False, True]
        assert settlement.settled == 2

    asyncio.run(story())
