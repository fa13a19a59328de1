"""How a FIFO group consumes a topic: of each queue one batch at a time, and no more until all of it is acked.

A message that is not acked in time brings back everything from it to the end of the queue, what was acked behind it
included, as in RocketMQ (ConsumerOrderInfoManager). Attempts are counted for each offset, as its CLUSTER proxy does;
the LOCAL one of 5.5.0 forgets them when a new message joins the batch. Used on the server's loop thread.
"""

from collections.abc import Callable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from sylph_mp.devbroker.store.agenda import Agenda
from sylph_mp.devbroker.store.bell import Bell
from sylph_mp.devbroker.store.group import Group
from sylph_mp.devbroker.store.handle import ORDERED, Handle, unknown_offset_error
from sylph_mp.devbroker.store.record import Delivery, Record
from sylph_mp.devbroker.store.subscription import RENEW_FOR_MS, RENEWAL_MS, DeadLetter, Pop
from sylph_mp.devbroker.store.topic import Queue, Topic


class Lock(Struct):
    """The batch of a queue that is with a consumer."""

    popped_ms: int
    attempt_id: str
    last: int
    """Highest offset of the batch."""
    until_ms: dict[int, int]
    """By offset, of what is not yet acked: when it may come again. Never empty."""
    renew_for: str = ""
    renew_until_ms: int = 0

    def holds(self, now_ms: int) -> bool:
        return any(until > now_ms for until in self.until_ms.values())


class Ordered:
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
        self._locks: dict[int, Lock] = {}
        self._delivered: list[dict[int, int]] = [{} for _ in topic.queues]
        """How often each offset from the cursor on was delivered, for each queue."""
        self._turn = 0

    def pop(self, pop: Pop) -> list[Delivery]:
        self._turn += 1
        found: list[Delivery] = []
        for queue in self._topic.queues_from(self._turn):
            if len(found) < pop.batch and self._open(queue.number, pop):
                found += self._pop_queue(queue, pop, pop.batch - len(found))
        return found

    def ack(self, handle: Handle, now_ms: int) -> None:
        self.take(handle, now_ms)

    def take(self, handle: Handle, now_ms: int) -> tuple[Record, int] | None:
        lock = self._current(handle)
        if lock is None:
            return None
        record = self._topic.queues[handle.queue].at(handle.offset).record
        attempt = record.earlier_attempts + self._delivered[handle.queue][handle.offset]
        del lock.until_ms[handle.offset]
        if not lock.until_ms:
            del self._locks[handle.queue]
            self._go_to(handle.queue, lock.last + 1)
        if not lock.holds(now_ms):
            self.bell.ring()
        return record, attempt

    def change(self, handle: Handle, *, invisible_ms: int, count: bool, now_ms: int) -> Handle:
        """The attempt is counted whatever `count` says, and the pop time stays: both as in RocketMQ."""
        until_ms = now_ms + invisible_ms
        lock = self._current(handle)
        if lock is not None:
            lock.until_ms[handle.offset] = until_ms
            self._plan(handle.queue, until_ms)
        return replace(handle, invisible_ms=until_ms - handle.popped_ms)

    def put_back(self, delivery: Delivery, now_ms: int) -> None:
        lock = self._current(delivery.handle)
        if lock is not None:
            offset = delivery.entry.offset
            self._delivered[delivery.entry.queue][offset] -= 1
            lock.until_ms[offset] = now_ms
            self._plan(delivery.entry.queue, now_ms)

    def abandon(self, client: str, now_ms: int) -> None:
        for queue, lock in self._locks.items():
            if lock.renew_for == client:
                lock.renew_for = ""
                lock.until_ms = dict.fromkeys(lock.until_ms, now_ms)
                self._plan(queue, now_ms)

    def holds(self, handle: Handle) -> bool:
        lock = self._locks.get(handle.queue)
        return lock is not None and lock.renew_for != "" and self._current(handle) is lock

    def floor(self, queue: int) -> int:
        lock = self._locks.get(queue)
        return min(lock.until_ms) if lock is not None else self._cursors[queue]

    def _open(self, queue: int, pop: Pop) -> bool:
        lock = self._locks.get(queue)
        if lock is None or not lock.holds(pop.now_ms):
            return True
        return pop.attempt_id != "" and lock.attempt_id == pop.attempt_id

    def _pop_queue(self, queue: Queue, pop: Pop, most: int) -> list[Delivery]:
        earlier = self._locks.pop(queue.number, None)
        again = earlier is not None and earlier.holds(pop.now_ms)
        if earlier is not None:
            self._go_to(queue.number, min(earlier.until_ms))
        offsets = self._choose(queue, pop, most)
        if not offsets:
            return []
        delivered = self._delivered[queue.number]
        for offset in offsets:
            delivered[offset] = delivered.get(offset, 0) + (0 if again and offset in delivered else 1)
        until_ms = pop.now_ms + pop.invisible_ms
        self._locks[queue.number] = Lock(
            popped_ms=pop.now_ms,
            attempt_id=pop.attempt_id,
            last=offsets[-1],
            until_ms=dict.fromkeys(offsets, until_ms),
            renew_for=pop.renew_for,
            renew_until_ms=pop.now_ms + RENEW_FOR_MS,
        )
        self._plan(queue.number, until_ms)
        return [self._deliver(queue, offset, pop, offsets[0]) for offset in offsets]

    def _choose(self, queue: Queue, pop: Pop, most: int) -> list[int]:
        """The next batch's offsets. What was delivered too often is dead-lettered when it is the head of the queue."""
        offsets: list[int] = []
        for offset in range(self._cursors[queue.number], queue.end):
            record = queue.at(offset).record
            attempt = record.earlier_attempts + self._delivered[queue.number].get(offset, 0) + 1
            worn = attempt > self._group.max_attempts
            if len(offsets) == most or (worn and offsets):
                break
            if worn:
                self._dead_letter(record, attempt, pop.now_ms)
            if worn or not pop.filter(record):
                if not offsets:
                    self._go_to(queue.number, offset + 1)
                continue
            offsets.append(offset)
        return offsets

    def _go_to(self, queue: int, cursor: int) -> None:
        for offset in range(self._cursors[queue], cursor):
            self._delivered[queue].pop(offset, None)
        self._cursors[queue] = cursor

    def _deliver(self, queue: Queue, offset: int, pop: Pop, start: int) -> Delivery:
        entry = queue.at(offset)
        attempt = entry.record.earlier_attempts + self._delivered[queue.number][offset]
        handle = Handle(
            start=start,
            popped_ms=pop.now_ms,
            invisible_ms=pop.invisible_ms,
            revive=ORDERED,
            retry=False,
            queue=queue.number,
            offset=offset,
            position=entry.position,
        )
        return Delivery(entry, handle, attempt)

    def _current(self, handle: Handle) -> Lock | None:
        lock = self._locks.get(handle.queue)
        if lock is None or handle.offset > lock.last:
            known = 0 <= handle.queue < len(self._cursors) and 0 <= handle.offset < self._cursors[handle.queue]
            if not known:
                raise unknown_offset_error()
            return None
        current = lock.popped_ms == handle.popped_ms and handle.offset in lock.until_ms
        return lock if current else None

    def _plan(self, queue: int, at_ms: int) -> None:
        self._agenda.add(at_ms, partial(self._look, queue))

    def _look(self, queue: int, now_ms: int) -> None:
        """A lease of the queue's batch has ended: renew it, or let the queue be popped again."""
        lock = self._locks.get(queue)
        if lock is None:
            return
        ended = [offset for offset, until in lock.until_ms.items() if until <= now_ms]
        if ended and lock.renew_for and now_ms < lock.renew_until_ms and self._alive(lock.renew_for):
            lock.until_ms |= dict.fromkeys(ended, now_ms + RENEWAL_MS)
            self._plan(queue, now_ms + RENEWAL_MS)
        elif not lock.holds(now_ms):
            self.bell.ring()
