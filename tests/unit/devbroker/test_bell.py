"""Which waiting poll is woken."""

import asyncio

import pytest

from sylph_mp.devbroker.store.bell import Bell
from tests.unit.turns import turns


def test_the_poll_that_ends_first_is_woken_and_no_other():
    async def run():
        bell = Bell()
        now = asyncio.get_running_loop().time()
        late, early = (asyncio.create_task(bell.wait(now + seconds)) for seconds in (60, 50))
        await turns()
        bell.ring()
        assert await early
        assert not late.done()
        bell.ring()
        assert await late

    asyncio.run(run())


def test_a_poll_ends_by_itself_and_a_later_ring_is_for_others():
    async def run():
        bell = Bell()
        now = asyncio.get_running_loop().time()
        assert not await bell.wait(now)
        waiting = asyncio.create_task(bell.wait(now + 60))
        await turns()
        bell.ring()
        assert await waiting

    asyncio.run(run())


def test_a_ring_for_a_poll_that_is_cancelled_goes_to_the_next():
    async def run():
        bell = Bell()
        now = asyncio.get_running_loop().time()
        gone, there = (asyncio.create_task(bell.wait(now + seconds)) for seconds in (50, 60))
        await turns()
        bell.ring()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await there

    asyncio.run(run())
