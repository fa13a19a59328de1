"""A renewal that is overtaken by a newer handle does not bring the older one back."""

import asyncio
from time import monotonic_ns

import pytest

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.leases import ADOPTED_DUE_NS, Leases
from sylph_mp.errors import HandleExpiredError
from sylph_mp.testing.fake_session import FakeReceived
from tests.unit.turns import turns


class Session:
    """Its renewals end when the test says."""

    def __init__(self):
        self.renewals = asyncio.Queue()

    async def renew(self, topic, message_id, handle, *, lease_s):
        answer = asyncio.get_running_loop().create_future()
        self.renewals.put_nowait((handle, answer))
        return await answer


@pytest.mark.parametrize("expired", [False, True])
def test_a_handle_that_came_while_the_old_one_was_renewed_stays(buffer, subscribe, expired):
    async def story():
        session = Session()
        subscription = subscribe(session=session, fifo=True)
        leases = Leases(buffer=buffer, background=Background(failed=lambda error: None))
        (delivery,) = buffer.admit(subscription, [FakeReceived(b"body", message_id="m")], monotonic_ns())
        leases.keep_adopted(subscription, [delivery])
        leases.look(monotonic_ns() + ADOPTED_DUE_NS)
        handle, answer = await asyncio.wait_for(session.renewals.get(), 10)
        newer, lease_ns = "of a repeated poll", monotonic_ns() + 10**9

        buffer.extend(delivery, newer, lease_ns)
        if expired:
            answer.set_exception(HandleExpiredError(40013, "receipt handle is expired"))
        else:
            answer.set_result(f"{handle} renewed")
        await turns(5)

        assert (delivery.handle, delivery.lease_ns, delivery.busy) == (newer, lease_ns, False)

    asyncio.run(story())
