"""Takes over what the last process of this slot held when it died. Runs once, on the loop thread, before any receive.

QUEUED   runs, its attempt unchanged
RUNNING  runs again as a further attempt; alone, if the master has marked it as a suspect
DONE     is settled with the stored outcome; its handler is not run again
lease over, or not in the arena: dropped, the broker delivers it again
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from time import monotonic, monotonic_ns

from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import ACKED, Delivery, Result
from sylph_mp.consumer.dispatcher import Dispatcher
from sylph_mp.consumer.leases import Leases
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError
from sylph_mp.pipe import Adopted
from sylph_mp.ports import Received
from sylph_mp.shm.table import FIFO, SUSPECT, TRIED, Entry, EntryOutcome, EntryState, Table


class Adoption:
    def __init__(
        self,
        *,
        subscriptions: Sequence[Subscription],
        table: Table,
        buffer: Buffer,
        leases: Leases,
        dispatcher: Dispatcher,
        parse: Callable[[bytes], Received],
    ) -> None:
        """`subscriptions` by the segment's index of their topic."""
        self._subscriptions = subscriptions
        self._table = table
        self._buffer = buffer
        self._leases = leases
        self._dispatcher = dispatcher
        self._parse = parse

    def run(self) -> Adopted:
        """Everything runs or waits to be settled afterwards; nothing is left in the table that is not held here."""
        adopted: defaultdict[Subscription, list[Delivery]] = defaultdict(list)
        entries = self._table.scan()
        for entry in entries:
            delivery = self._adopt(entry)
            if delivery is None:
                self._subscriptions[entry.topic].stats.expired += 1
                self._table.free(entry.index)
            else:
                adopted[delivery.subscription].append(delivery)
        for subscription, deliveries in adopted.items():
            deliveries.sort(key=lambda delivery: (delivery.source.queue, delivery.source.offset))
            self._leases.keep_adopted(subscription, deliveries)
            self._dispatcher.adopt(subscription, deliveries)
        every = [delivery for deliveries in adopted.values() for delivery in deliveries]
        settled = sum(delivery.result is not None for delivery in every)
        return Adopted(run=len(every) - settled, settled=settled, dropped=len(entries) - len(every))

    def _adopt(self, entry: Entry) -> Delivery | None:
        if not entry.frame_len or entry.lease_s <= monotonic():
            return None
        try:
            source = self._parse(self._buffer.frame(entry))
        except BrokerError:
            return None  # not a frame: the process died while it wrote it, before the entry's state said so
        subscription = self._subscriptions[entry.topic]
        subscription.fifo = bool(entry.flags & FIFO)
        delivery = self._buffer.adopt(entry, subscription, source)
        delivery.suspect = bool(entry.flags & SUSPECT)
        delivery.tried = bool(entry.flags & TRIED)
        if entry.state is EntryState.DONE:
            delivery.result = _result_of(entry)
            delivery.ended_ns = monotonic_ns()
        elif entry.state is EntryState.RUNNING:
            delivery.attempt += 1
            self._buffer.requeue(delivery)
        return delivery


def _result_of(entry: Entry) -> Result:
    if entry.outcome is EntryOutcome.ACK:
        return ACKED
    return Result(outcome=entry.outcome, after_s=entry.after_s)
