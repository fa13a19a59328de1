"""The consumer's end of the outbox: puts outputs into the ring, and waits for what became of them. On the loop thread.

    call ended ──► waiting ──► ring (HELD) ──► master ──► receipts ──► stored or refused

An entry is HELD without numbers until all outputs of its call are in the ring: dying before that, the call runs again.
While something waits for room in the ring, `full` says that no more should be received.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import Protocol

from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.outputs import Output, Stored
from sylph_mp.errors import OutputError
from sylph_mp.pipe import OutputsPut, ReceiptsWritten
from sylph_mp.shm.layout import RECEIPT_CELLS
from sylph_mp.shm.outbox import OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.table import Table

#: Instance, topic, message group and id of an output at their longest.
TEXT_BYTES = 64 + 127 + 255 + 64


class Conclusion(Protocol):
    """Who gets a held call when all its receipts are there."""

    def stored(self, calls: Sequence[Call]) -> None:
        """All outputs of these were."""
        ...

    def refused(self, call: Call, reason: str) -> None:
        """At least one of its outputs was."""
        ...


class Waiter(Protocol):
    """Whoever waits for the receipts of some outputs."""

    outputs: Sequence[Output]
    """Those that are not all in the ring yet; none once they are."""
    count: int
    """How many outputs there are."""
    missing: int
    """How many receipts are due."""
    refusal: str | None
    """Why one of them was refused."""

    def numbered(self, first: int) -> None:
        """All are in the ring, under the numbers from `first` on."""
        ...

    def answered(self, stored: list[Call]) -> None:
        """All receipts are there; a call of which nothing was refused is added to `stored`."""
        ...

    def abandoned(self) -> None:
        """There will be no receipt."""
        ...


class HeldCall:
    """A handler call that has succeeded; its deliveries are settled when its outputs are stored."""

    __slots__ = ("_call", "_outbox", "count", "missing", "outputs", "refusal")

    def __init__(self, call: Call, outputs: Sequence[Output], count: int, outbox: "Outbox") -> None:
        self.outputs = outputs
        self.count = self.missing = count
        self.refusal: str | None = None
        self._call = call
        self._outbox = outbox

    def numbered(self, first: int) -> None:
        self.outputs = ()
        for delivery in self._call:
            delivery.outputs = ()
            self._outbox.table.hold(delivery.index, first, self.count)

    def answered(self, stored: list[Call]) -> None:
        if self.refusal is None:
            stored.append(self._call)
        else:
            self._outbox.refused(self._call, self.refusal)

    def abandoned(self) -> None:
        self._outbox.hand_back(self._call)


class Sent:
    """One message that somebody waits for in a handler."""

    def __init__(self, output: Output, stored: Stored) -> None:
        self.outputs: Sequence[Output] = (output,)
        self.count = self.missing = 1
        self.refusal: str | None = None
        self._topic = output.address.topic
        self._id = output.id
        self._stored = stored

    def numbered(self, first: int) -> None:
        """There is no entry that could tell a successor: who waits is gone with the process."""
        self.outputs = ()

    def answered(self, stored: list[Call]) -> None:
        if not self._stored.set_running_or_notify_cancel():
            return  # nobody waits any more
        if self.refusal is None:
            self._stored.set_result(self._id)
        else:
            self._stored.set_exception(OutputError(f"{self._topic}: {self.refusal}"))

    def abandoned(self) -> None:
        self.refusal = "the master is gone; the message may be stored yet"
        self.answered([])


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
        self._conclusion: Conclusion | None = None
        self._writer = writer
        self._receipts = receipts
        self._post = post
        self._loop = loop
        self._waiting: deque[Waiter] = deque()
        self._put = 0
        """How many outputs of the first of `waiting` are in the ring already."""
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

    def conclude_with(self, conclusion: Conclusion) -> None:
        """Who gets each held call when its receipts are there; to be said before the first."""
        self._conclusion = conclusion

    def when_room(self, callback: Callable[[], None]) -> None:
        """Be called whenever it is no longer full."""
        self._room.append(callback)

    def hold(self, call: Call, outputs: Sequence[Output]) -> None:
        """Send what a call that has succeeded has collected."""
        self._add(HeldCall(call, outputs, len(outputs), self))

    def send_now(self, output: Output, stored: Stored) -> None:
        """From any thread."""
        sent: Waiter = Sent(output, stored)
        self._loop.call_soon_threadsafe(self._add, sent)

    def adopt(self, call: Call, numbers: range) -> None:
        """Wait for the receipts of a call whose process has died; some may be there already."""
        held = HeldCall(call, (), len(numbers), self)
        for seq in numbers:
            self._unanswered[seq] = held
        self._in_order = False
        self._loop.call_soon(self._look, numbers)

    def written(self, news: ReceiptsWritten) -> None:
        """The master has written receipts."""
        self._answer(news.stored, [(refused.seq, refused.reason) for refused in news.refused])
        if self._waiting:
            self._flush()
            if not self._waiting:
                for callback in self._room:
                    callback()

    def refused(self, call: Call, reason: str) -> None:
        """An output of a call was refused, and all its receipts are there."""
        assert self._conclusion is not None
        self._conclusion.refused(call, reason)

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
        first = self._writer.next_seq
        oldest = next(iter(self._unanswered), first)
        cells = max(0, RECEIPT_CELLS - (first - oldest))
        outputs = chain.from_iterable([waiter.outputs for waiter in self._waiting])
        count = self._writer.put(islice(outputs, self._put, self._put + cells))
        if self._writer.commit():
            self._post(OutputsPut())
        # Not before: what is HELD under numbers is not run again, so these have to be in the ring.
        self._number(first, first + count)

    def _number(self, seq: int, end: int) -> None:
        """The outputs that wait were put under the numbers from `seq` on, as many as there are before `end`."""
        waiting, unanswered = self._waiting, self._unanswered
        while seq < end:
            waiter = waiting[0]
            left = waiter.count - self._put
            if left == 1:
                unanswered[seq] = waiter
                seq += 1
            else:
                until = min(end, seq + left)
                unanswered.update(dict.fromkeys(range(seq, until), waiter))
                if until < seq + left:
                    self._put += until - seq
                    return
                seq = until
            waiting.popleft()
            waiter.numbered(seq - waiter.count)
            self._put = 0

    def _look(self, numbers: range) -> None:
        """For receipts that were written before there was anybody to be told."""
        found = [(seq, self._receipts.read(seq)) for seq in numbers]
        stored = [(seq, seq) for seq, state in found if state is ReceiptState.STORED]
        self._answer(stored, [(seq, "refused by the broker") for seq, state in found if state is ReceiptState.REFUSED])

    def _answer(self, stored: Iterable[tuple[int, int]], refused: Iterable[tuple[int, str]]) -> None:
        """Ranges of numbers that were stored, and numbers that were refused; their calls are concluded together."""
        take = self._unanswered.pop
        complete: list[Waiter] = []
        for seq, reason in refused:
            waiter = take(seq, None)
            if waiter is not None:
                waiter.refusal = waiter.refusal or reason
                waiter.missing -= 1
                if not waiter.missing:
                    complete.append(waiter)
        for first, last in stored:
            for seq in range(first, last + 1):
                waiter = take(seq, None)
                if waiter is not None:
                    waiter.missing -= 1
                    if not waiter.missing:
                        complete.append(waiter)
        calls: list[Call] = []
        for waiter in complete:
            waiter.answered(calls)
        if calls:
            assert self._conclusion is not None
            self._conclusion.stored(calls)
