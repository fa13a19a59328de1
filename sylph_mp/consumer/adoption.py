"""Takes over what the last process of this slot held when it died. Runs once, on the loop thread, before any receive.

QUEUED   runs, its attempt unchanged
RUNNING  runs again as a further attempt; alone, if the master has marked it as a suspect
DONE     is settled with the stored outcome, its handler is not run again; a retry in order waits here, as it did there
HELD     the same as soon as its outputs are stored; runs again if they had not got into the outbox yet
lease over, or as good as over for one that is to run, or not in the arena: dropped, the broker delivers it again; in
order it takes what is behind it along, or, not in the arena and its place unknown, all that came with it

Of a poll that was just being put into the table nothing is adopted: it is repeated, as are all that were outstanding
at ordered topics, and brings everything again.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from time import monotonic, monotonic_ns

from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import ACKED, Delivery, Result
from sylph_mp.consumer.dispatcher import Dispatcher
from sylph_mp.consumer.leases import Leases
from sylph_mp.consumer.repeats import Repeats
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError
from sylph_mp.pipe import Adopted
from sylph_mp.ports import Received
from sylph_mp.shm.polls import Polls, PollState
from sylph_mp.shm.table import FIFO, SUSPECT, TRIED, Entry, EntryOutcome, EntryState, Table

#: A call may not end in less than this, nor its lease be renewed: the broker would deliver the message again beside it.
LEAST_LEASE_S = 1.0


class Adoption:
    def __init__(
        self,
        *,
        subscriptions: Sequence[Subscription],
        table: Table,
        polls: Polls,
        buffer: Buffer,
        leases: Leases,
        dispatcher: Dispatcher,
        repeats: Repeats,
        parse: Callable[[bytes], Received],
    ) -> None:
        """`subscriptions` by the segment's index of their topic."""
        self._subscriptions = subscriptions
        self._table = table
        self._polls = polls
        self._buffer = buffer
        self._leases = leases
        self._dispatcher = dispatcher
        self._repeats = repeats
        self._parse = parse

    def run(self) -> Adopted:
        """Everything runs or waits to be settled afterwards; nothing is left in the table that is not held here."""
        adopted: defaultdict[Subscription, list[Delivery]] = defaultdict(list)
        self._undo_arrivals()
        entries = self._table.scan()
        unshared = {_arrival_of(entry) for entry in entries if not entry.frame_len}
        for entry in entries:
            delivery = self._adopt(entry, beside_unshared=_arrival_of(entry) in unshared)
            if delivery is None:
                self._subscriptions[entry.topic].stats.expired += 1
                self._table.free(entry.index)
            else:
                adopted[delivery.subscription].append(delivery)
        every = [delivery for deliveries in adopted.values() for delivery in deliveries]
        settled = sum(delivery.result is not None and not delivery.rests for delivery in every)
        for subscription, deliveries in adopted.items():
            deliveries.sort(key=lambda delivery: (delivery.source.queue, delivery.source.offset))
            self._leases.keep_adopted(subscription, deliveries)
            self._dispatcher.adopt(subscription, deliveries)
        for poll in self._polls.scan():
            subscription = self._subscriptions[poll.topic]
            self._repeats.adopt(subscription, poll, adopted[subscription])
        return Adopted(run=len(every) - settled, settled=settled, dropped=len(entries) - len(every))

    def _undo_arrivals(self) -> None:
        """None of them has run: an ordered delivery is dispatched when all of its poll is in the table."""
        arriving = [poll for poll in self._polls.scan() if poll.state is PollState.ARRIVING]
        arrivals = {(poll.topic, poll.arrived_ns / 1e9) for poll in arriving}
        for entry in self._table.scan() if arriving else ():
            if _arrival_of(entry) in arrivals:
                self._table.free(entry.index)
        for poll in arriving:
            self._polls.undo_arriving(poll.line)

    def _adopt(self, entry: Entry, *, beside_unshared: bool) -> Delivery | None:
        ordered = bool(entry.flags & FIFO)
        over = entry.lease_s <= _needed_until(entry) or (ordered and beside_unshared and not _is_done(entry))
        if not entry.frame_len or (over and not ordered):
            return None
        try:
            source = self._parse(self._buffer.frame(entry))
        except BrokerError:
            return None  # not a frame: the process died while it wrote it, before the entry's state said so
        subscription = self._subscriptions[entry.topic]
        subscription.fifo = ordered
        delivery = self._buffer.adopt(entry, subscription, source)
        if over:
            delivery.lease_ns = 0  # found out when its turn comes, with what is behind it
        delivery.suspect = bool(entry.flags & SUSPECT)
        delivery.tried = bool(entry.flags & TRIED)
        if entry.state is EntryState.DONE:
            delivery.result = _result_of(entry)
            delivery.ended_ns = monotonic_ns()
        elif entry.outputs:
            delivery.result = ACKED
            delivery.ended_ns = monotonic_ns()
            delivery.numbers = entry.outputs
        elif entry.state in (EntryState.RUNNING, EntryState.HELD):
            delivery.attempt += 1
            self._buffer.requeue(delivery)
        return delivery


def _arrival_of(entry: Entry) -> tuple[int, float]:
    """What came with the same answer of the broker has the same."""
    return entry.topic, entry.received_s


def _needed_until(entry: Entry) -> float:
    """How long the lease of an entry has to last for it to be adopted."""
    return monotonic() + (0.0 if _is_done(entry) else LEAST_LEASE_S)


def _is_done(entry: Entry) -> bool:
    return entry.state is EntryState.DONE or bool(entry.outputs)


def _result_of(entry: Entry) -> Result:
    if entry.outcome is EntryOutcome.ACK:
        return ACKED
    return Result(outcome=entry.outcome, after_ms=round(entry.after_s * 1000))
