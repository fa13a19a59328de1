"""Carries what a slot's handlers send from its outbox to the producers, and the receipts back. On the loop thread.

    outbox ring ──► outlet of the instance ──► receipt ──► cell in the segment ──► consumer, if one lives

It belongs to the slot's segment and not to a consumer: what a dead one had sent is sent all the same.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby

from sylph_mp.errors import NotSentError
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import ReceiptsWritten, RefusedOutput
from sylph_mp.producer.encoding import Encoded, Kind
from sylph_mp.producer.outlet import Outlet, Receipt
from sylph_mp.shm.outbox import OutboxDamagedError, OutboxReader
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment


class Courier:
    def __init__(
        self,
        segment: Segment,
        *,
        outlet: Callable[[str], Outlet],
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
        self._stored: list[int] = []
        self._refused: list[RefusedOutput] = []
        self._telling = False
        self._stalled = False
        self.carried = 0
        """Outputs taken and not yet answered."""

    def look(self) -> None:
        """Take what there is room for. Raises OutboxDamagedError."""
        if self._stalled or self.segment.closed:
            return
        for output in self._reader.take():
            encoded = Encoded(output.topic, Kind(output.kind), output.group, output.id, output.part)
            self.carried += 1
            if not self._submit(output.seq, output.instance, encoded):
                return

    def _submit(self, seq: int, instance: str, encoded: Encoded) -> bool:
        """False if it waits for room, and all behind it with it."""
        outlet = self._outlet(instance)
        if outlet.submit(encoded, partial(self._answered, seq, encoded.topic)):
            return True
        self._stalled = True
        outlet.when_room(partial(self._go_on, seq, instance, encoded))
        return False

    def _go_on(self, seq: int, instance: str, encoded: Encoded) -> None:
        self._stalled = False
        if not self.segment.closed and self._submit(seq, instance, encoded):
            self.look()

    def _answered(self, seq: int, topic: str, receipt: Receipt) -> None:
        if self.segment.closed:
            return
        self.carried -= 1
        if receipt.error is None:
            self._stored.append(seq)
        elif receipt.unknown or isinstance(receipt.error, NotSentError):
            return  # the outlet is closing; without a receipt the delivery is handed back, and its handler runs again
        else:
            self._refused.append(RefusedOutput(seq, f"{topic}: {receipt.error}"))
        if not self._telling:
            # Once for all receipts of one answer.
            self._telling = True
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = False
        if self.segment.closed:
            return
        stored, self._stored = self._stored, []
        refused, self._refused = self._refused, []
        for seq in stored:
            self._receipts.write(seq, ReceiptState.STORED)
        for each in refused:
            self._receipts.write(each.seq, ReceiptState.REFUSED)
        self._post(ReceiptsWritten(stored=tuple(_runs(stored)), refused=tuple(refused)))


class Couriers:
    """One for each slot that has a segment."""

    def __init__(self, *, outlet: Callable[[str], Outlet]) -> None:
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


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    for _, run in groupby(enumerate(sorted(numbers)), key=lambda placed: placed[1] - placed[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]
