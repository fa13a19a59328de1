"""How a group that is not FIFO consumes a topic: a lease for each delivery, a retry queue for what comes back.

    log of each queue ── pop ──► lease ── ack ──► gone
         ▲ cursor                 │ its time ends, or it is changed
                      retry ◄─────┘
                        └── pop, before new ones

Used on the server's loop thread.
"""

from collections import deque
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from sylph_mp.devbroker.store.agenda import Agenda
from sylph_mp.devbroker.store.bell import Bell
from sylph_mp.devbroker.store.filter import Filter
from sylph_mp.devbroker.store.group import Group
from sylph_mp.devbroker.store.handle import Handle, unknown_offset_error
from sylph_mp.devbroker.store.record import Delivery, Entry, Record
from sylph_mp.devbroker.store.subscription import RENEW_FOR_MS, RENEWAL_MS, DeadLetter, Pop
from sylph_mp.devbroker.store.topic import Topic

#: What a client leaves behind comes again after this.
PUT_BACK_MS = 1000

#: Whether it is of the retry queue, the queue's number, the offset.
Place = tuple[bool, int, int]


class Candidate(Struct, frozen=True):
    """What the next pop may deliver, as its `attempt`-th delivery."""

    entry: Entry
    attempt: int
    retry: bool


class Lease(Struct):
    entry: Entry
    attempt: int
    handle: Handle
    until_ms: int
    count: bool = True
    """Whether the next delivery is a further attempt."""
    renew_for: str = ""
    renew_until_ms: int = 0


class Unordered:
    def __init__(
        self, topic: Topic, group: Group, *, agenda: Agenda, alive: Callable[[str], bool], dead_letter: DeadLetter
    ) -> None:
        self.bell = Bell()
        self._topic = topic
        self._group = group
        self._agenda = agenda
        self._alive = alive
        self._dead_letter = dead_letter
        self._cursors = [queue.first for queue in topic.queues]
        self._turn = 0
        self._retry: deque[Candidate] = deque()
        self._retried = 0
        self._leases: dict[Place, Lease] = {}

    def pop(self, pop: Pop) -> list[Delivery]:
        found = self._from_retry(pop.batch, pop.now_ms)
        found += self._from_queues(pop.batch - len(found), pop.filter)
        if not found:
            return []
        leases = self._lease(found, pop)
        # One plan for the batch: a plan for each delivery would outlive its ack by the lease.
        self._plan([_place(lease.handle) for lease in leases], pop.now_ms + pop.invisible_ms)
        return [Delivery(lease.entry, lease.handle, lease.attempt) for lease in leases]

    def ack(self, handle: Handle, now_ms: int) -> None:
        self.take(handle, now_ms)

    def take(self, handle: Handle, now_ms: int) -> tuple[Record, int] | None:
        lease = self._current(handle)
        if lease is None:
            return None
        del self._leases[_place(handle)]
        return lease.entry.record, lease.attempt

    def change(self, handle: Handle, *, invisible_ms: int, count: bool, now_ms: int) -> Handle:
        changed = replace(handle, start=handle.offset, popped_ms=now_ms, invisible_ms=invisible_ms)
        lease = self._current(handle)
        if lease is not None:
            lease.handle = changed
            lease.count = count
            lease.renew_for = ""
            self._end_at(now_ms + invisible_ms, lease)
        return changed

    def put_back(self, delivery: Delivery, now_ms: int) -> None:
        lease = self._current(delivery.handle)
        if lease is not None:
            lease.count = False
            self._end_at(now_ms + PUT_BACK_MS, lease)

    def abandon(self, client: str, now_ms: int) -> None:
        for lease in self._leases.values():
            if lease.renew_for == client:
                lease.renew_for = ""
                self._end_at(now_ms + PUT_BACK_MS, lease)

    def holds(self, handle: Handle) -> bool:
        lease = self._leases.get(_place(handle))
        return lease is not None and lease.handle == handle and lease.renew_for != ""

    def floor(self, queue: int) -> int:
        return self._cursors[queue]

    def _from_retry(self, most: int, now_ms: int) -> list[Candidate]:
        found: list[Candidate] = []
        while self._retry and len(found) < most:
            candidate = self._retry.popleft()
            if candidate.attempt > self._group.max_attempts:
                self._dead_letter(candidate.entry.record, candidate.attempt, now_ms)
            else:
                found.append(candidate)
        return found

    def _from_queues(self, most: int, wanted: Filter) -> list[Candidate]:
        """A filter's refusal is for good: what it passes over is behind the cursor."""
        found: list[Candidate] = []
        self._turn += 1
        for queue in self._topic.queues_from(self._turn):
            while self._cursors[queue.number] < queue.end and len(found) < most:
                entry = queue.at(self._cursors[queue.number])
                self._cursors[queue.number] += 1
                if wanted(entry.record):
                    found.append(Candidate(entry, entry.record.earlier_attempts + 1, retry=False))
        return found

    def _lease(self, found: list[Candidate], pop: Pop) -> list[Lease]:
        starts: dict[tuple[bool, int], int] = {}
        leases = []
        for candidate in found:
            entry = candidate.entry
            handle = Handle(
                start=starts.setdefault((candidate.retry, entry.queue), entry.offset),
                popped_ms=pop.now_ms,
                invisible_ms=pop.invisible_ms,
                revive=0,
                retry=candidate.retry,
                queue=entry.queue,
                offset=entry.offset,
                position=entry.position,
            )
            lease = Lease(entry, candidate.attempt, handle, pop.now_ms + pop.invisible_ms)
            lease.renew_for = pop.renew_for
            lease.renew_until_ms = pop.now_ms + RENEW_FOR_MS
            self._leases[_place(handle)] = lease
            leases.append(lease)
        return leases

    def _current(self, handle: Handle) -> Lease | None:
        given = self._retried if handle.retry else self._cursors[handle.queue] if self._knows(handle.queue) else 0
        if not 0 <= handle.offset < given:
            raise unknown_offset_error()
        lease = self._leases.get(_place(handle))
        return lease if lease is not None and lease.handle == handle else None

    def _knows(self, queue: int) -> bool:
        return 0 <= queue < len(self._cursors)

    def _end_at(self, at_ms: int, lease: Lease) -> None:
        lease.until_ms = at_ms
        self._plan([_place(lease.handle)], at_ms)

    def _plan(self, places: list[Place], at_ms: int) -> None:
        self._agenda.add(at_ms, lambda now_ms: self._end_leases(places, now_ms))

    def _end_leases(self, places: list[Place], now_ms: int) -> None:
        ended = [(place, lease) for place in places if (lease := self._leases.get(place)) and lease.until_ms <= now_ms]
        renewed = [place for place, lease in ended if self._renew(lease, now_ms)]
        if renewed:
            self._plan(renewed, now_ms + RENEWAL_MS)
        for place, lease in ended:
            if lease.until_ms <= now_ms:
                del self._leases[place]
                self._come_again(lease, now_ms)
                self.bell.ring()

    def _renew(self, lease: Lease, now_ms: int) -> bool:
        if not lease.renew_for or now_ms >= lease.renew_until_ms or not self._alive(lease.renew_for):
            return False
        lease.until_ms = now_ms + RENEWAL_MS
        return True

    def _come_again(self, lease: Lease, now_ms: int) -> None:
        entry = replace(lease.entry, queue=0, offset=self._retried, stored_ms=now_ms)
        self._retried += 1
        self._retry.append(Candidate(entry, lease.attempt + int(lease.count), retry=True))


def _place(handle: Handle) -> Place:
    return handle.retry, handle.queue, handle.offset
