"""The outbox: a ring of encoded messages that a slot's handlers send, written by its consumer, taken by the master.

Written on the consumer's loop thread, read on the master's. What is committed outlives the consumer that wrote it.

Head:

      0 committed u64, bytes ever written: the consumer's word    8 next_seq u64, the consumer's
     64 taken u64, bytes ever read: the master's word             (a cache line each; zero to 128)

Record, at a multiple of 8 in the ring, never over its end:

      0 size u32, of all of it; 0: nothing more before the ring's end
      4 kind u8 │ length of instance u8, of topic u8 │ 0
      8 seq u64, from 1
     16 length of group u16, of id u16, of part u32
     24 instance │ topic │ group │ id │ part │ zero to a multiple of 8

`committed` is stored after the records that it covers: a kill at any instruction leaves whole records or none.
"""

import struct
from collections.abc import Iterator
from itertools import accumulate, pairwise

from msgspec import Struct

from sylph_mp.shm.layout import OUTBOX_HEAD_BYTES
from sylph_mp.shm.segment import Segment

_RECORD = struct.Struct("<IBBBxQHHI")
_COMMITTED, _NEXT_SEQ, _TAKEN = 0, 1, 8


class OutboxDamagedError(Exception):
    """There is something else than records; only a stray write of the consumer's process can have done that."""


class Output(Struct, frozen=True, kw_only=True):
    """One encoded message on its way."""

    seq: int
    """Its number in the slot's outbox."""
    kind: int
    """RocketMQ's MessageType."""
    instance: str
    topic: str
    group: str
    """Message group, "" for none."""
    id: str
    part: bytes
    """The message as a field of a SendMessageRequest."""


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

    @property
    def next_seq(self) -> int:
        """What the next output will be numbered."""
        return self._seq

    @property
    def largest_bytes(self) -> int:
        """What surely fits an empty ring, wherever it stands: the texts and the part of one output together."""
        return self._capacity // 2 - _RECORD.size - 8

    def put(self, kind: int, instance: str, topic: str, group: str, message_id: str, part: bytes) -> int | None:
        """The output's number; None where there is no room for it now. Nobody sees it before `commit`."""
        texts = instance.encode(), topic.encode(), group.encode(), message_id.encode()
        data = b"".join((*texts, part))
        size = -(-(_RECORD.size + len(data)) // 8) * 8
        place = self._place(size)
        if place is None:
            return None
        seq = self._seq
        lengths = [len(text) for text in texts]
        _RECORD.pack_into(self._ring, place, size, kind, *lengths[:2], seq, *lengths[2:], len(part))
        begin = place + _RECORD.size
        self._ring[begin : begin + len(data)] = data
        self._at += size
        self._seq = seq + 1
        return seq

    def commit(self) -> bool:
        """Let the master see what was put; True if it had taken all before, and so has to be woken for it."""
        had_all = self._words[_TAKEN] == self._words[_COMMITTED] != self._at
        self._words[_NEXT_SEQ] = self._seq
        self._words[_COMMITTED] = self._at
        return had_all

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

    def take(self) -> Iterator[Output]:
        """All that is committed, one by one; what was yielded is out of the ring. Raises OutboxDamagedError."""
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
            output = self._read(place, size)
            at += size
            self._words[_TAKEN] = at
            yield output

    def _read(self, place: int, size: int) -> Output:
        _, kind, instance, topic, seq, group, message_id, part = _RECORD.unpack_from(self._ring, place)
        data = bytes(self._ring[place + _RECORD.size : place + size])
        ends = list(accumulate((instance, topic, group, message_id)))
        if ends[-1] + part > len(data):
            raise OutboxDamagedError(f"the lengths of the record at {place} go beyond its end")
        try:
            texts = [data[begin:end].decode() for begin, end in pairwise((0, *ends))]
        except UnicodeDecodeError as error:
            raise OutboxDamagedError(f"the record at {place}: {error}") from error
        return Output(
            kind=kind,
            instance=texts[0],
            topic=texts[1],
            group=texts[2],
            id=texts[3],
            part=data[ends[-1] : ends[-1] + part],
            seq=seq,
        )
