"""Carries lines to whatever sends, no faster than it takes them, until they end or the user ends it.

On the loop thread of the command.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from functools import partial

from sylph_mp.cli.sending.ledger import Ledger
from sylph_mp.cli.sending.lines import Line
from sylph_mp.cli.sending.metronome import Metronome
from sylph_mp.clock import Clock
from sylph_mp.errors import OutgoingError
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer.encoding import Encoded
from sylph_mp.producer.outgoing import Outgoing
from sylph_mp.producer.outlet import Outlet

#: Time for what is under way when the user ends it.
FLUSH_S = 10.0
#: Most lines between the first that is not settled and the last that was read.
_MOST_AHEAD = 100_000


class Feed:
    """`message_of` makes a message of a line, or None of a blank one, or raises OutgoingError; so does `encode`."""

    def __init__(
        self,
        outlet: Outlet,
        *,
        message_of: Callable[[Line], Outgoing | None],
        encode: Callable[[Outgoing], Encoded],
        ledger: Ledger,
        changed: asyncio.Event,
        metronome: Metronome,
        clock: Clock,
        skip: int,
    ) -> None:
        """`changed` is set whenever the ledger changes."""
        self._outlet = outlet
        self._message_of = message_of
        self._encode = encode
        self._ledger = ledger
        self._changed = changed
        self._metronome = metronome
        self._clock = clock
        self._skip = skip
        self._stops = 0

    @property
    def is_stopping(self) -> bool:
        return self._stops > 0

    def stop(self) -> None:
        """Send no more, wait for what is under way; called once more, do not wait."""
        self._stops += 1
        self._changed.set()

    async def run(self, blocks: AsyncIterable[list[Line]], *, ready: Callable[[], Awaitable[object]]) -> bool:
        """Returns whether it came to the end of the lines. Raises what `ready`, awaited first, and `blocks` raise.

        However it ends, everything that was sent is settled then.
        """
        feeding = asyncio.ensure_future(self._feed(blocks, ready))
        feeding.add_done_callback(lambda _: self._changed.set())
        await self._until(lambda: feeding.done() or self._must_end)
        feeding.cancel()
        await asyncio.wait([feeding])
        if self._ledger.away is None:
            await self._flush()
        self._ledger.end()
        await self._outlet.close(Deadline.after(0, self._clock))
        if feeding.cancelled():
            return False
        feeding.result()
        return True

    @property
    def _must_end(self) -> bool:
        return self.is_stopping or self._ledger.is_hopeless or self._ledger.away is not None

    async def _feed(self, blocks: AsyncIterable[list[Line]], ready: Callable[[], Awaitable[object]]) -> None:
        await ready()
        async for block in blocks:
            for line in block:
                if line.number > self._skip:
                    await self._send(line)
            await asyncio.sleep(0)
        await self._until(lambda: not self._ledger.under_way)

    async def _send(self, line: Line) -> None:
        try:
            outgoing = self._message_of(line)
            encoded = None if outgoing is None else self._encode(outgoing)
        except OutgoingError as error:
            self._ledger.refuse(line, error)
            if self._ledger.is_hopeless:
                self._changed.set()
                await asyncio.sleep(0)
            return
        if encoded is None:
            self._ledger.leave_out(line)
            return
        if wait_s := self._metronome.beat(self._clock.monotonic()):
            await asyncio.sleep(wait_s)
        if line.number - self._ledger.frontier.reached > _MOST_AHEAD:
            await self._until(lambda: line.number - self._ledger.frontier.reached <= _MOST_AHEAD)
        take = partial(self._ledger.settle, line, len(encoded.part))
        while not self._outlet.submit(encoded, take):
            await self._room()
        self._ledger.begin()

    async def _room(self) -> None:
        room = asyncio.Event()
        self._outlet.when_room(room.set)
        await room.wait()

    async def _flush(self) -> None:
        """What is under way; up to FLUSH_S, or until the user wants that no more."""
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._until(lambda: not self._ledger.under_way or self._stops > 1 or self._ledger.away)
        except TimeoutError:
            return

    async def _until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
