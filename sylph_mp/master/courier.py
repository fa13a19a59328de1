"""Carries what a slot's handlers send from its outbox to the producers, and the receipts back. On the loop thread.

    outbox ring ──► outlet of the instance ──► answer ──► cells in the segment ──► consumer, if one lives

What lies together in the ring goes as one, and is answered as ranges of numbers: nothing here is done for each message.

It belongs to the slot's segment and not to a consumer: what a dead one had sent is sent all the same.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from sylph_mp.errors import NotSentError
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import ReceiptsWritten, RefusedOutput
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Kind
from sylph_mp.producer.outlet import Answer, BundleOutlet
from sylph_mp.shm.outbox import OutboxDamagedError, OutboxReader, Run
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment


class Courier:
    def __init__(
        self,
        segment: Segment,
        *,
        outlet: Callable[[str], BundleOutlet],
        post: Callable[[ReceiptsWritten], None],
    ) -> None:
        """`outlet` gives an instance's, which does not give up on what may yet be stored.

        `post` tells the slot's consumer, if there is one: a later one finds the receipts in the segment.
        """
        self.segment = segment
        self._reader = OutboxReader(segment)
        self._receipts = Receipts(segment)
        self._outlet = outlet
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._stored: list[tuple[int, int]] = []
        """First and last of each range."""
        self._refused: list[RefusedOutput] = []
        self._telling = False
        self._stalled = False
        self.carried = 0
        """Outputs taken and not yet answered."""

    def look(self) -> None:
        """Take what there is room for. Raises OutboxDamagedError."""
        if self._stalled or self.segment.closed:
            return
        for run in self._reader.take():
            self.carried += len(run.ends)
            if not self._submit(run):
                return

    def _submit(self, run: Run) -> bool:
        """False if it waits for room, and all behind it with it."""
        instance, kind, topic, group = run.address
        outlet = self._outlet(instance)
        bundle = Bundle(topic, Kind(kind), group, run.parts, run.ends)
        if outlet.submit_bundle(bundle, partial(self._answered, run.seq, topic)):
            return True
        self._stalled = True
        outlet.when_room(partial(self._go_on, run))
        return False

    def _go_on(self, run: Run) -> None:
        self._stalled = False
        if not self.segment.closed and self._submit(run):
            self.look()

    def _answered(self, seq: int, topic: str, answer: Answer) -> None:
        """`seq` is the number of the first message that was submitted with these."""
        if self.segment.closed:
            return
        self.carried -= answer.count
        first = seq + answer.first
        if answer.error is None:
            self._stored.append((first, first + answer.count - 1))
        elif answer.unknown or isinstance(answer.error, NotSentError):
            return  # the outlet is closing; without a receipt the delivery is handed back, and its handler runs again
        else:
            reason = f"{topic}: {answer.error}"
            self._refused.extend(RefusedOutput(each, reason) for each in range(first, first + answer.count))
        if not self._telling:
            # Once for all receipts of one answer.
            self._telling = True
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = False
        if self.segment.closed:
            return
        stored, self._stored = _joined(self._stored), []
        refused, self._refused = self._refused, []
        for first, last in stored:
            self._receipts.write(first, last, ReceiptState.STORED)
        for each in refused:
            self._receipts.write(each.seq, each.seq, ReceiptState.REFUSED)
        self._post(ReceiptsWritten(stored=tuple(stored), refused=tuple(refused)))


class Couriers:
    """One for each slot that has a segment."""

    def __init__(self, *, outlet: Callable[[str], BundleOutlet]) -> None:
        self._outlet = outlet
        self._couriers: dict[int, Courier] = {}

    def look(self, slot: Slot) -> None:
        """Take what lies in its outbox."""
        if slot.segment is None or slot.spoiled:
            self._couriers.pop(slot.number, None)
            return
        courier = self._couriers.get(slot.number)
        if courier is None or courier.segment is not slot.segment:
            courier = self._couriers[slot.number] = Courier(
                slot.segment, outlet=self._outlet, post=partial(_tell, slot)
            )
        try:
            courier.look()
        except OutboxDamagedError as error:
            slot.spoil(str(error))


def _tell(slot: Slot, news: ReceiptsWritten) -> None:
    if slot.child is not None:
        slot.child.tell(news)


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers in order, neighbouring ranges as one."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return joined
