"""The outbox: a ring of encoded messages that a slot's handlers send, written by its consumer, taken by the master.

Written on the consumer's loop thread, read on the master's. What is committed outlives the consumer that wrote it.

Head:

      0 committed u64, bytes ever written: the consumer's word    8 next_seq u64, the consumer's
     64 taken u64, bytes ever read: the master's word             (a cache line each; zero to 128)

Record: neighbouring messages of one instance, topic, kind and group; at a multiple of 8, never over the ring's end:

      0 size u32, of all of it; 0: nothing more before the ring's end
      4 kind u8 │ length of instance u8, of topic u8 │ 0
      8 seq u64 of the first message, from 1; the others follow
     16 length of group u16 │ 0 u16 │ messages u32
     24 for each message u32, where its part ends in the parts
        instance │ topic │ group │ parts, one after the other │ zero to a multiple of 8

So the master takes many messages as one slice, and sends them as they lie. `committed` is stored after the records
that it covers: a kill at any instruction leaves whole records or none.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from operator import attrgetter
from typing import NamedTuple, Protocol

from msgspec import Struct

from sylph_mp.shm.layout import OUTBOX_HEAD_BYTES
from sylph_mp.shm.segment import Segment

_RECORD = struct.Struct("<IBBBxQHxxI")
_COMMITTED, _NEXT_SEQ, _TAKEN = 0, 1, 8
_END_BYTES = 4
#: Parts of one record: as many as are worth it, and few enough that little is left over before the ring's end.
_RUN_BYTES = 64 << 10
_RUN_SHARE = 8

_ADDRESS_OF = attrgetter("address")
_PART_OF = attrgetter("part")


class OutboxDamagedError(Exception):
    """There is something else than records; only a stray write of the consumer's process can have done that."""


class Address(NamedTuple):
    """What the messages of a record have in common."""

    instance: str
    kind: int
    """RocketMQ's MessageType."""
    topic: str
    group: str
    """Message group, "" for none."""


class Addressed(Protocol):
    """One message that is to be put."""

    @property
    def address(self) -> Address: ...
    @property
    def part(self) -> bytes:
        """The message as a field of a SendMessageRequest."""
        ...


class Run(Struct, frozen=True, kw_only=True):
    """Neighbouring messages on their way."""

    seq: int
    """Number of the first in the slot's outbox."""
    address: Address
    ends: Sequence[int]
    """Where each message ends in `parts`."""
    parts: bytes
    """Each as a field of a SendMessageRequest."""


class _Ring:
    def __init__(self, segment: Segment) -> None:
        at, self._capacity = segment.geometry.outbox_at, segment.geometry.outbox_bytes // 8 * 8
        self._words = segment.window(at, OUTBOX_HEAD_BYTES, form="Q")
        self._ring = segment.window(at + OUTBOX_HEAD_BYTES, self._capacity)

    @property
    def used_bytes(self) -> int:
        """Committed and not taken yet."""
        return self._words[_COMMITTED] - self._words[_TAKEN]


class OutboxWriter(_Ring):
    """The consumer's side: `put` as many as fit, then `commit`."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self._at = self._words[_COMMITTED]
        self._seq = max(1, self._words[_NEXT_SEQ])
        self._run_bytes = min(_RUN_BYTES, self._capacity // _RUN_SHARE)

    @property
    def next_seq(self) -> int:
        """What the next output will be numbered."""
        return self._seq

    @property
    def largest_bytes(self) -> int:
        """What surely fits an empty ring, wherever it stands: the texts and the part of one output together."""
        return self._capacity // 2 - _RECORD.size - _END_BYTES - 8

    def put(self, outputs: Iterable[Addressed]) -> int:
        """How many of these, from the first on, there was room for; they are numbered in their order.

        Nobody sees them before `commit`.
        """
        before = self._seq
        for address, same in groupby(outputs, key=_ADDRESS_OF):
            parts: list[bytes] = []
            size = 0
            for part in map(_PART_OF, same):
                length = len(part)
                if parts and size + length > self._run_bytes:
                    if not self._put_all(address, parts):
                        return self._seq - before
                    parts, size = [], 0
                parts.append(part)
                size += length
            if not self._put_all(address, parts):
                break
        return self._seq - before

    def commit(self) -> bool:
        """Let the master see what was put; True if it may have taken all before, and so has to be woken for it."""
        before = self._words[_COMMITTED]
        self._words[_NEXT_SEQ] = self._seq
        self._words[_COMMITTED] = self._at
        # Looked at only now: who takes the last before this sees what was committed, or is seen to have taken all.
        return self._words[_TAKEN] == before != self._at

    def _put_all(self, address: Address, parts: list[bytes]) -> bool:
        """All of them, in smaller records where one does not fit; False if some had no room."""
        first = 0
        count = len(parts)
        while first < len(parts):
            if self._put_record(address, parts[first : first + count]):
                first += count
            elif count == 1:
                return False
            else:
                count //= 2
        return True

    def _put_record(self, address: Address, parts: list[bytes]) -> bool:
        instance, topic, group = address.instance.encode(), address.topic.encode(), address.group.encode()
        ends = array("I", accumulate(map(len, parts)))
        length = _END_BYTES * len(ends) + len(instance) + len(topic) + len(group) + ends[-1]
        size = -(-(_RECORD.size + length) // 8) * 8
        place = self._place(size)
        if place is None:
            return False
        lengths = len(instance), len(topic), self._seq, len(group)
        _RECORD.pack_into(self._ring, place, size, address.kind, *lengths, len(ends))
        begin = place + _RECORD.size
        self._ring[begin : begin + length] = b"".join((ends.tobytes(), instance, topic, group, *parts))
        self._at += size
        self._seq += len(ends)
        return True

    def _place(self, size: int) -> int | None:
        """Where in the ring a record of `size` goes, the rest of the ring skipped if it is too short."""
        at = self._at % self._capacity
        rest = self._capacity - at
        free = self._capacity - (self._at - self._words[_TAKEN])
        if size <= rest:
            return at if size <= free else None
        if rest + size > free:
            return None
        self._ring[at : at + 4] = bytes(4)
        self._at += rest
        return 0


class OutboxReader(_Ring):
    """The master's side."""

    def take(self) -> Iterator[Run]:
        """All that is committed, record by record; what was yielded is out of the ring. Raises OutboxDamagedError."""
        at = self._words[_TAKEN]
        while at != (end := self._words[_COMMITTED]):
            place = at % self._capacity
            (size,) = struct.unpack_from("<I", self._ring, place)
            if not size:
                at += self._capacity - place
                self._words[_TAKEN] = at
                continue
            if not _RECORD.size <= size <= min(end - at, self._capacity - place):
                raise OutboxDamagedError(f"a record of {size} bytes at {place}, {end - at} are committed")
            run = self._read(place, size)
            at += size
            self._words[_TAKEN] = at
            yield run

    def _read(self, place: int, size: int) -> Run:
        _, kind, instance, topic, seq, group, count = _RECORD.unpack_from(self._ring, place)
        data = bytes(self._ring[place + _RECORD.size : place + size])
        topic_at = _END_BYTES * count + instance
        group_at = topic_at + topic
        parts_at = group_at + group
        ends = memoryview(data)[: _END_BYTES * count].cast("I").tolist() if 0 < parts_at <= len(data) else []
        # The parts begin where the texts end, and end where the last of them does: nothing may lie elsewhere.
        if not ends or parts_at + ends[-1] > len(data) or sorted(ends) != ends:
            raise OutboxDamagedError(f"the lengths of the record at {place} go beyond its end")
        try:
            address = Address(
                data[topic_at - instance : topic_at].decode(),
                kind,
                data[topic_at:group_at].decode(),
                data[group_at:parts_at].decode(),
            )
        except UnicodeDecodeError as error:
            raise OutboxDamagedError(f"the record at {place}: {error}") from error
        return Run(seq=seq, address=address, ends=ends, parts=data[parts_at : parts_at + ends[-1]])
