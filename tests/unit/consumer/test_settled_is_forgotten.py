"""What is settled is not kept in memory until its lease would have been renewed."""

import asyncio
import weakref

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.leases import Leases
from sylph_mp.testing.fake_session import FakeReceived


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
