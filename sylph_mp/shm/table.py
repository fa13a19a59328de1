"""The in-flight table: one fixed entry per delivery that a consumer holds, readable after its death.

The consumer's loop thread writes, save `start` and `finish`, which belong to the worker thread of the delivery.
Any process reads.

     0 ┌ state u8 │ outcome u8 │ thread u16, 0xFFFF = async │ after_ms u32 ┐  head: one store
     8   strikes u8 │ flags u8 │ topic u16, index in the header │ attempt u32
    16   frame_at u32 │ frame_len u32          offsets are relative to the arena
    24   lease_ns i64                          times: CLOCK_MONOTONIC ns
    32   received_ns i64
    40   started_ns i64, 0 = never
    48 ┌ handle_at u32 │ handle_room u16, 0 = the frame's own │ handle_which u8 │ 0 ┐  one store
    56   outputs u64: number of the first << 16 │ how many; counts while HELD

The head is an aligned word, written in one store after the fields that it makes valid: a kill at any instruction
leaves either the state before or the state after. outcome and after_ms count while DONE or HELD, thread while RUNNING.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from msgspec import Struct

from sylph_mp.shm.layout import ENTRY_BYTES
from sylph_mp.shm.segment import Segment

#: `thread` of a delivery whose handler is async.
ASYNC_THREAD = 0xFFFF

#: Bits of `flags`. FIFO: of a group that runs in order, written by the consumer. The others are the master's, written
#: when the consumer is dead: SUSPECT ran when it died, TRIED was a suspect then and ran beside others.
FIFO = 1
SUSPECT = 2
TRIED = 4

_WORDS = ENTRY_BYTES // 8
_ENTRY = struct.Struct("<BBHIBBHIIIqqqIHBxQ")
#: From `strikes` to `handle_which`: all that `put` writes before the head.
_BODY = struct.Struct("<BBHIIIqqqQ")
_BODY_AT = 8
_TOPIC_AT = 10
_LEASE_AT = 24
_NEVER_NS = 1 << 63


class EntryState(IntEnum):
    FREE = 0
    QUEUED = 1
    RUNNING = 2
    DONE = 3
    HELD = 4
    """Done, waiting for the receipts of its outputs."""


class EntryOutcome(IntEnum):
    NONE = 0
    ACK = 1
    RETRY = 2
    DEAD_LETTER = 3


# The hot path's own: looking up a member of the enum and combining it takes longer than the store.
_FREE, _QUEUED, _RUNNING, _DONE, _HELD = (int(state) for state in EntryState)


class Entry(Struct, frozen=True, kw_only=True):
    """One delivery; times are seconds of CLOCK_MONOTONIC, offsets are relative to the arena."""

    index: int
    state: EntryState
    outcome: EntryOutcome
    """NONE unless DONE or HELD."""
    strikes: int
    flags: int
    topic: int
    """Index in the segment's topics."""
    thread: int | None
    """WorkerPool thread, from 0, while RUNNING; None for an async handler."""
    attempt: int
    frame_at: int
    frame_len: int
    lease_s: float
    received_s: float
    started_s: float | None
    after_s: float
    """Argument of a Retry."""
    handle_at: int
    handle_room: int
    """0: the newest handle that is shared is the frame's own."""
    handle_which: int
    """Which of the two rooms holds the newest handle, 0 or 1."""
    outputs: range = range(0)
    """While HELD: the numbers of its outputs in the outbox."""


class Counts(NamedTuple):
    """How many entries are in which state."""

    queued: int
    running: int
    done: int
    held: int


class Table:
    """Both sides of the table; columns are strided views over all entries, so that a write is one item store."""

    def __init__(self, segment: Segment) -> None:
        at, size = segment.geometry.table_at, segment.geometry.table_bytes
        self._bytes = segment.window(at, size)
        self._heads = segment.window(at, size, form="Q", step=_WORDS)
        self._attempts = segment.window(at + 12, size - 12, form="I", step=2 * _WORDS)
        self._leases = segment.window(at + _LEASE_AT, size - _LEASE_AT, form="q", step=_WORDS)
        self._starts = segment.window(at + 40, size - 40, form="q", step=_WORDS)
        self._handles = segment.window(at + 48, size - 48, form="Q", step=_WORDS)
        self._outputs = segment.window(at + 56, size - 56, form="Q", step=_WORDS)

    def put(
        self,
        index: int,
        topic: int,
        attempt: int,
        strikes: int,
        flags: int,
        frame_at: int,
        frame_len: int,
        lease_ns: int,
        received_ns: int,
    ) -> None:
        """Record a delivery in a FREE entry: QUEUED."""
        at = index * ENTRY_BYTES + _BODY_AT
        _BODY.pack_into(
            self._bytes, at, strikes, flags, topic, attempt, frame_at, frame_len, lease_ns, received_ns, 0, 0
        )
        self._heads[index] = _QUEUED

    def start(self, index: int, thread: int, now_ns: int) -> None:
        """RUNNING on `thread`."""
        self._starts[index] = now_ns
        self._heads[index] = _RUNNING | thread << 16

    def finish(self, index: int, outcome: int, after_ms: int) -> None:
        """DONE with an EntryOutcome; `after_ms` (below 2**32) is the wait of a RETRY."""
        self._heads[index] = _DONE | outcome << 8 | after_ms << 32

    def hold(self, index: int, first: int, count: int) -> None:
        """HELD with ACK, until the receipts of the `count` (below 2**16) outputs from number `first` on are there."""
        self._outputs[index] = first << 16 | count
        self._heads[index] = _HELD | EntryOutcome.ACK << 8

    def requeue(self, index: int, attempt: int) -> None:
        """Back to QUEUED: it runs again in this process."""
        self._attempts[index] = attempt
        self._heads[index] = _QUEUED

    def blame(self, index: int, strikes: int, flags: int) -> None:
        """Of a delivery whose process is dead: its crashes so far, and all its flags."""
        at = index * ENTRY_BYTES + _BODY_AT
        self._bytes[at] = strikes
        self._bytes[at + 1] = flags

    def free(self, index: int) -> None:
        self._heads[index] = _FREE

    def extend(self, index: int, lease_ns: int, handle_at: int, handle_room: int, handle_which: int) -> None:
        """Renewed: the newest handle is in room `handle_which`, already written, and the lease ends later.

        The handle first: a new handle under the old lease is renewed early, an old one under the new lease too late.
        """
        self._handles[index] = handle_at | handle_room << 32 | handle_which << 48
        self._leases[index] = lease_ns

    def clear(self) -> None:
        """Forget what a predecessor held: all FREE."""
        self._bytes[:] = bytes(len(self._bytes))

    def read(self, index: int) -> Entry | None:
        """The entry, None if FREE. While the writer lives, it may be of two deliveries, one after the other."""
        at = index * ENTRY_BYTES
        return _entry(index, bytes(self._bytes[at : at + ENTRY_BYTES]))

    def scan(self) -> list[Entry]:
        """All that are not FREE, by index."""
        taken = [index for index, state in enumerate(self._packed_states()) if state != _FREE]
        return [entry for index in taken if (entry := self.read(index)) is not None]

    def counts(self) -> Counts:
        return self.look()[0]

    def look(self) -> tuple[Counts, list[Entry]]:
        """How many are in which state, and those that are RUNNING: only these are unpacked, of a table of thousands."""
        states = self._packed_states()
        count = states.count
        counts = Counts(
            queued=count(EntryState.QUEUED),
            running=count(EntryState.RUNNING),
            done=count(EntryState.DONE),
            held=count(EntryState.HELD),
        )
        if not counts.running:
            return counts, []
        read = (self.read(index) for index, state in enumerate(states) if state == EntryState.RUNNING)
        return counts, [entry for entry in read if entry is not None and entry.state is EntryState.RUNNING]

    def earliest_leases(self) -> dict[int, float]:
        """When the first lease ends of what is held of a topic, by the topic's index."""
        packed = self._bytes.tobytes()
        topics = memoryview(packed).cast("H")[_TOPIC_AT // 2 :: ENTRY_BYTES // 2]
        leases = memoryview(packed).cast("q")[_LEASE_AT // 8 :: _WORDS]
        earliest: dict[int, int] = {}
        for state, topic, lease_ns in zip(packed[::ENTRY_BYTES], topics, leases, strict=True):
            if state != _FREE and lease_ns < earliest.get(topic, _NEVER_NS):
                earliest[topic] = lease_ns
        return {topic: lease_ns / 1e9 for topic, lease_ns in earliest.items()}

    def _packed_states(self) -> bytes:
        # Copying all entries first is three times as fast as walking a strided view.
        return self._bytes.tobytes()[::ENTRY_BYTES]


def _entry(index: int, packed: bytes) -> Entry | None:
    state, outcome, thread, after_ms, strikes, flags, topic, attempt, *places = _ENTRY.unpack_from(packed)
    if state == EntryState.FREE:
        return None
    frame_at, frame_len, lease_ns, received_ns, started_ns, handle_at, handle_room, handle_which, outputs = places
    return Entry(
        index=index,
        state=EntryState(state),
        outcome=EntryOutcome(outcome),
        strikes=strikes,
        flags=flags,
        topic=topic,
        thread=None if state != EntryState.RUNNING or thread == ASYNC_THREAD else thread,
        attempt=attempt,
        frame_at=frame_at,
        frame_len=frame_len,
        lease_s=lease_ns / 1e9,
        received_s=received_ns / 1e9,
        started_s=started_ns / 1e9 if started_ns else None,
        after_s=after_ms / 1e3,
        handle_at=handle_at,
        handle_room=handle_room,
        handle_which=handle_which,
        outputs=range(outputs >> 16, (outputs >> 16) + (outputs & 0xFFFF)) if state == EntryState.HELD else range(0),
    )
