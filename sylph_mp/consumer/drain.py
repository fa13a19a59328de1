"""Empties a consumer by a deadline: what runs is finished, what has not begun is handed back. On the loop thread.

Polls run out by themselves; what they still bring is handed back by the intake. Ordered deliveries are run to their
end as long as there is time, so that nothing finished is left behind something that is not.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from sylph_mp.clock import Clock
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.dispatcher import Dispatcher
from sylph_mp.consumer.receiving import Receiving
from sylph_mp.consumer.settlement import Settlement
from sylph_mp.lifecycle import Deadline
from sylph_mp.pipe import Drained, Progress

LOOK_S = 0.02
#: Time kept for handing back what is still there, and for closing.
MARGIN_S = 2.0
#: The same for short deadlines, as a share of what is left.
MARGIN_SHARE = 0.3


class Drain:
    def __init__(
        self,
        *,
        receiving: Receiving,
        dispatcher: Dispatcher,
        settlement: Settlement,
        buffer: Buffer,
        clock: Clock,
        post: Callable[[Progress], None],
    ) -> None:
        self._receiving = receiving
        self._dispatcher = dispatcher
        self._settlement = settlement
        self._buffer = buffer
        self._clock = clock
        self._post = post
        self._settled_before = 0
        self._last: Progress | None = None

    async def run(self, deadline: Deadline) -> Drained:
        """Returns by the deadline, with what became of all that was held."""
        self._settled_before = self._settlement.settled
        left_s = deadline.left(self._clock)
        finish_by = Deadline(deadline.at - min(MARGIN_S, MARGIN_SHARE * left_s))
        self._receiving.quiet()
        self._settlement.hand_back_all(self._dispatcher.withdraw())
        await self._until_empty(finish_by)
        self._settlement.hand_back_all(self._dispatcher.withdraw_lanes())
        self._settlement.hand_back_all([delivery for delivery in self._buffer.held.values() if not delivery.busy])
        await self._until_empty(deadline)
        progress = self._progress()
        return Drained(settled=progress.settled, handed_back=progress.handed_back, left=len(self._buffer.held))

    async def _until_empty(self, by: Deadline) -> None:
        while (self._buffer.held or self._receiving.polling) and not by.passed(self._clock):
            self._tell()
            await asyncio.sleep(LOOK_S)
        self._tell()

    def _progress(self) -> Progress:
        phases = Counter(delivery.phase for delivery in self._buffer.held.values())
        return Progress(
            running=phases["running"],
            queued=phases["queued"],
            settled=self._settlement.settled - self._settled_before,
            handed_back=self._settlement.handed_back,
        )

    def _tell(self) -> None:
        progress = self._progress()
        if progress != self._last:
            self._last = progress
            self._post(progress)
