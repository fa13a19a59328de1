"""The consumer's end of the outbox: puts outputs into the ring, and waits for what became of them. On the loop thread.

    call ended ──► waiting ──► ring (HELD) ──► master ──► receipts ──► stored or refused

An entry is HELD without numbers until all outputs of its call are in the ring: dying before that, the call runs again.
While something waits for room in the ring, `full` says that no more should be received.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.outputs import Output, Stored
from sylph_mp.errors import OutputError
from sylph_mp.pipe import OutputsPut, ReceiptsWritten
from sylph_mp.producer.encoding import Encoded
from sylph_mp.shm.layout import RECEIPT_CELLS
from sylph_mp.shm.outbox import OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.table import Table

#: Instance, topic, message group and id of an output at their longest.
TEXT_BYTES = 64 + 127 + 255 + 64


Concluded = Callable[[Call, str | None], None]


class Waiter(Protocol):
    """Whoever waits for the receipts of some outputs."""

    @property
    def outputs(self) -> Sequence[Output]:
        """Those that have yet to get into the ring."""
        ...

    def numbered(self, numbers: range) -> None:
        """All are in the ring, under these numbers."""
        ...

    def answered(self, refusal: str | None) -> None:
        """One of them was stored, or refused for that reason."""
        ...

    def abandoned(self) -> None:
        """There will be no receipt."""
        ...


class HeldCall:
    """A handler call that has succeeded; its deliveries are settled when its outputs are stored."""

    def __init__(self, call: Call, outputs: Sequence[Output], *, missing: int, outbox: "Outbox") -> None:
        """`missing` is how many receipts are due."""
        self.outputs = outputs
        self._call = call
        self._missing = missing
        self._refusal: str | None = None
        self._outbox = outbox

    def numbered(self, numbers: range) -> None:
        for delivery in self._call:
            self._outbox.table.hold(delivery.index, numbers)

    def answered(self, refusal: str | None) -> None:
        self._refusal = self._refusal or refusal
        self._missing -= 1
        if not self._missing:
            self._outbox.concluded(self._call, self._refusal)

    def abandoned(self) -> None:
        self._outbox.hand_back(self._call)


class Sent:
    """One message that somebody waits for in a handler."""

    def __init__(self, output: Output, stored: Stored) -> None:
        self.outputs = (output,)
        self._stored = stored

    def numbered(self, numbers: range) -> None:
        """There is no entry that could tell a successor: who waits is gone with the process."""

    def answered(self, refusal: str | None) -> None:
        encoded = self.outputs[0].encoded
        if not self._stored.set_running_or_notify_cancel():
            return  # nobody waits any more
        if refusal is None:
            self._stored.set_result(encoded.id)
        else:
            self._stored.set_exception(OutputError(f"{encoded.topic}: {refusal}"))

    def abandoned(self) -> None:
        self.answered("the master is gone; the message may be stored yet")


class Outbox:
    def __init__(
        self,
        *,
        writer: OutboxWriter,
        receipts: Receipts,
        table: Table,
        post: Callable[[OutputsPut], None],
        hand_back: Callable[[Call], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`hand_back` gets the calls of which nobody will ever know, since the master is gone."""
        self.table = table
        self.hand_back = hand_back
        self._conclude: Concluded | None = None
        self._writer = writer
        self._receipts = receipts
        self._post = post
        self._loop = loop
        self._waiting: deque[Waiter] = deque()
        self._numbers: list[int] = []
        """Those that the first of `waiting` has already."""
        self._unanswered: dict[int, Waiter] = {}
        """By number, the oldest first, once `_in_order`."""
        self._in_order = True
        self._flushing = False
        self._room: list[Callable[[], None]] = []
        self._abandoned = False

    @property
    def largest_bytes(self) -> int:
        """Of an encoded message; what the texts beside it take is kept."""
        return self._writer.largest_bytes - TEXT_BYTES

    @property
    def full(self) -> bool:
        """Outputs wait for room in the ring."""
        return bool(self._waiting) and not self._flushing

    def conclude_with(self, concluded: Concluded) -> None:
        """Who gets each held call, with the reason if one of its outputs was refused; to be said before the first."""
        self._conclude = concluded

    def when_room(self, callback: Callable[[], None]) -> None:
        """Be called whenever it is no longer full."""
        self._room.append(callback)

    def hold(self, call: Call, outputs: Sequence[Output]) -> None:
        """Send what a call that has succeeded has collected."""
        self._add(HeldCall(call, outputs, missing=len(outputs), outbox=self))

    def send_now(self, output: Output, stored: Stored) -> None:
        """From any thread."""
        sent: Waiter = Sent(output, stored)
        self._loop.call_soon_threadsafe(self._add, sent)

    def adopt(self, call: Call, numbers: range) -> None:
        """Wait for the receipts of a call whose process has died; some may be there already."""
        held = HeldCall(call, (), missing=len(numbers), outbox=self)
        for seq in numbers:
            self._unanswered[seq] = held
        self._in_order = False
        self._loop.call_soon(self._look, numbers)

    def written(self, news: ReceiptsWritten) -> None:
        """The master has written receipts."""
        for first, last in news.stored:
            for seq in range(first, last + 1):
                self._answered(seq, None)
        for refused in news.refused:
            self._answered(refused.seq, refused.reason)
        if self._waiting:
            self._flush()
            if not self._waiting:
                for callback in self._room:
                    callback()

    def concluded(self, call: Call, refusal: str | None) -> None:
        """All receipts of a call are there."""
        assert self._conclude is not None
        self._conclude(call, refusal)

    def abandon(self) -> None:
        """The master is gone: no receipt comes any more."""
        self._abandoned = True
        waiters = dict.fromkeys((*self._unanswered.values(), *self._waiting))
        self._unanswered.clear()
        self._waiting.clear()
        for waiter in waiters:
            waiter.abandoned()

    def _add(self, waiter: Waiter) -> None:
        if self._abandoned:
            waiter.abandoned()
            return
        self._waiting.append(waiter)
        if not self._flushing and len(self._waiting) == 1:
            # Once for all calls that end in this turn of the loop.
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Put what there is room for into the ring; the first call that does not fit is put in parts."""
        self._flushing = False
        if not self._waiting:
            return
        if not self._in_order:
            self._unanswered = dict(sorted(self._unanswered.items()))
            self._in_order = True
        complete: list[tuple[Waiter, range]] = []
        while self._waiting and self._put(self._waiting[0]):
            complete.append((self._waiting.popleft(), range(self._numbers[0], self._numbers[-1] + 1)))
            self._numbers = []
        if self._writer.commit():
            self._post(OutputsPut())
        # Not before: what is HELD under numbers is not run again, so these have to be in the ring.
        for waiter, numbers in complete:
            waiter.numbered(numbers)

    def _put(self, waiter: Waiter) -> bool:
        for instance, encoded in waiter.outputs[len(self._numbers) :]:
            seq = self._put_one(instance, encoded)
            if seq is None:
                return False
            self._numbers.append(seq)
            self._unanswered[seq] = waiter
        return True

    def _put_one(self, instance: str, encoded: Encoded) -> int | None:
        oldest = next(iter(self._unanswered), self._writer.next_seq)
        if self._writer.next_seq - oldest >= RECEIPT_CELLS:
            return None
        return self._writer.put(encoded.kind, instance, encoded.topic, encoded.group, encoded.id, encoded.part)

    def _look(self, numbers: range) -> None:
        """For receipts that were written before there was anybody to be told."""
        for seq in numbers:
            state = self._receipts.read(seq)
            if state is not None:
                self._answered(seq, None if state is ReceiptState.STORED else "refused by the broker")

    def _answered(self, seq: int, refusal: str | None) -> None:
        waiter = self._unanswered.pop(seq, None)
        if waiter is not None:
            waiter.answered(refusal)
