"""What this process holds: one in-flight entry and the frame's bytes in shared memory for each delivery.

Runs on the loop thread, the only writer of entries and arena (but for the state that a worker flips around a call).
"""

from collections.abc import Sequence

from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.ports import Received
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.handles import read_handle, write_handle
from sylph_mp.shm.table import FIFO, Entry, Table

#: A renewed handle may be some digits longer than the one it replaces.
HANDLE_SLACK = 32


class Buffer:
    def __init__(self, *, table: Table, arena: Arena, entries: int) -> None:
        self._table = table
        self._arena = arena
        self._free = list(range(entries - 1, -1, -1))
        self.held: dict[int, Delivery] = {}
        """By entry."""

    @property
    def free_entries(self) -> int:
        return len(self._free)

    @property
    def free_bytes(self) -> int:
        return self._arena.capacity - self._arena.used_bytes

    @property
    def used_bytes(self) -> int:
        return self._arena.used_bytes

    def admit(self, subscription: Subscription, received: Sequence[Received], now_ns: int) -> list[Delivery]:
        """Record what one receive brought; the caller has kept enough entries free."""
        stats = subscription.stats
        put, free, held = self._table.put, self._free, self.held
        lease_ns = now_ns + subscription.lease_ns
        topic, flags = subscription.index, FIFO if subscription.fifo else 0
        deliveries = []
        frames = [source.frame for source in received]
        for source, frame, place in zip(received, frames, self._arena.store(frames), strict=True):
            if place is None:
                at = length = 0
                stats.unshared += 1
            else:
                at, length = place, len(frame)
            index = free.pop()
            attempt = source.attempt
            delivery = Delivery(source, subscription, index, at, length, now_ns, lease_ns, attempt, source.handle)
            put(index, topic, attempt, 0, flags, at, length, lease_ns, now_ns)
            held[index] = delivery
            deliveries.append(delivery)
        return deliveries

    def frame(self, entry: Entry) -> bytes:
        """The frame of a delivery that a dead process held."""
        return self._arena.read(entry.frame_at, entry.frame_len)

    def adopt(self, entry: Entry, subscription: Subscription, source: Received) -> Delivery:
        """Hold what a dead process held, in the same place; before anything is admitted."""
        self._arena.reserve(entry.frame_at, entry.frame_len)
        received_ns, lease_ns = int(entry.received_s * 1e9), int(entry.lease_s * 1e9)
        delivery = Delivery(
            source,
            subscription,
            entry.index,
            entry.frame_at,
            entry.frame_len,
            received_ns,
            lease_ns,
            entry.attempt,
            source.handle,
        )
        if entry.handle_room:
            self._arena.reserve(entry.handle_at, 2 * entry.handle_room)
            delivery.handle_at, delivery.handle_room = entry.handle_at, entry.handle_room
            delivery.handle_which = entry.handle_which
            delivery.handle = read_handle(self._arena, entry.handle_at, entry.handle_room, entry.handle_which)
        self._free.remove(entry.index)
        self.held[entry.index] = delivery
        return delivery

    def extend(self, delivery: Delivery, handle: str, lease_ns: int) -> None:
        """A renewal gave a new handle and a later end of the lease."""
        delivery.handle = handle
        delivery.lease_ns = lease_ns
        if self._has_room(delivery, len(handle)):
            delivery.handle_which ^= 1
            write_handle(self._arena, delivery.handle_at, delivery.handle_room, delivery.handle_which, handle)
        self._table.extend(delivery.index, lease_ns, delivery.handle_at, delivery.handle_room, delivery.handle_which)

    def _has_room(self, delivery: Delivery, length: int) -> bool:
        """Reserve two rooms for handles at the first renewal; without any the newest handle is in the heap only."""
        if not delivery.handle_room and delivery.frame_len:
            room = length + HANDLE_SLACK
            at = self._arena.alloc(2 * room)
            if at is not None:
                delivery.handle_at = at
                delivery.handle_room = room
        return delivery.handle_room >= length + HANDLE_SLACK // 2

    def finish(self, call: Sequence[Delivery]) -> None:
        """Their results are certain: a successor settles them and does not run them again."""
        for delivery in call:
            if not delivery.settled and delivery.result is not None:
                self._table.finish(delivery.index, delivery.result.outcome, delivery.result.after_ms)

    def requeue(self, delivery: Delivery) -> None:
        """It is to run here once more."""
        self._table.requeue(delivery.index, delivery.attempt)

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """They are settled, handed back or lost: forget them.

        Handed back while its handler still runs, at the end of a drain, an entry is not used again: the worker
        thread may yet write there.
        """
        free_entry, free_bytes, held, free = self._table.free, self._arena.free, self.held, self._free
        for delivery in deliveries:
            index = delivery.index
            free_entry(index)
            if delivery.frame_len:
                free_bytes(delivery.frame_at, delivery.frame_len)
            if delivery.handle_room:
                free_bytes(delivery.handle_at, 2 * delivery.handle_room)
            del held[index]
            if delivery.result is not None or not delivery.started_ns:
                free.append(index)
            delivery.settled = True
