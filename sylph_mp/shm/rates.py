"""Rate limits that hold across all processes: what each topic may start, and what each slot has started of it.

The master makes it and writes the heads; a consumer's loop thread writes its slot's cells. Nobody locks anything.

      0 magic b"sylphrt1" | 8 topics u32 | 12 slots u32 | 16 limited u32, topics that have a rate | zero to 64
     64 one line per topic:
          0 seq u32, odd while the head is written | 8 rate_per_s f64, 0 = no limit | 16 level f64 | 24 at_ns i64
         64 one cell per slot: taken u64, in all its processes | zero to a multiple of 64

A topic may start what was granted and not yet taken: level + rate_per_s * (now - at) - the sum of its cells. Both only
grow. Consumers that look at the same moment may each take what there is; that is made up for by what comes next, so
over time the rate is exact, and what is ahead of it is at most what there was at that moment, for each of them.
"""

import mmap
import os
import struct

from msgspec import Struct

from sylph_mp.shm import memory_file
from sylph_mp.shm.segment import SegmentError, not_made

#: As many as a configuration may have.
SLOTS = 256

_MAGIC = b"sylphrt1"
_HEADER = struct.Struct("<8sIII")
_LIMITED_AT = 16
_SEQ = struct.Struct("<I")
_HEAD = struct.Struct("<ddq")
_HEAD_AT = 8
_FIRST_LINE_AT = 64
_CELLS_AT = 64
_LINE_BYTES = _CELLS_AT + 8 * SLOTS
#: A master that died while it wrote a head leaves it odd; it is read as it is then.
_TRIES = 100


class Grant(Struct, frozen=True):
    """The head of a topic's line."""

    rate_per_s: float
    level: float
    at_ns: int

    def until(self, now_ns: int) -> float:
        """What was granted since the beginning."""
        return self.level + self.rate_per_s * (now_ns - self.at_ns) / 1e9


class _Lines:
    def __init__(self, mapping: mmap.mmap) -> None:
        self.buf = memoryview(mapping)
        _, self.topics, _, _ = _HEADER.unpack_from(self.buf)
        self._mapping = mapping
        self._cells = [self.buf[at + _CELLS_AT : at + _LINE_BYTES].cast("Q") for at in map(line_at, range(self.topics))]

    def grant(self, topic: int) -> Grant:
        at = line_at(topic)
        for _ in range(_TRIES):
            (before,) = _SEQ.unpack_from(self.buf, at)
            grant = Grant(*_HEAD.unpack_from(self.buf, at + _HEAD_AT))
            (after,) = _SEQ.unpack_from(self.buf, at)
            if before == after and not before & 1:
                break
        return grant

    def cells(self, topic: int) -> memoryview:
        return self._cells[topic]

    def taken(self, topic: int) -> int:
        return sum(self._cells[topic])

    def close(self) -> None:
        for cells in self._cells:
            cells.release()
        self.buf.release()
        self._mapping.close()


def line_at(topic: int) -> int:
    return _FIRST_LINE_AT + topic * _LINE_BYTES


class RateBoard:
    """The master's side."""

    def __init__(self, name: str, lines: _Lines, lock: int) -> None:
        self.name = name
        self.topics = lines.topics
        self._lines = lines
        self._lock = lock

    @classmethod
    def create(cls, name: str, *, topics: int) -> "RateBoard":
        """Lines for so many topics, none of them limited. Raises ResourceError."""
        try:
            lock, mapping = memory_file.create(name, needed_bytes(topics))
        except OSError as error:
            raise not_made(memory_file.path(name), error) from error
        _HEADER.pack_into(mapping, 0, _MAGIC, topics, SLOTS, 0)
        return cls(name, _Lines(mapping), lock)

    def limit(self, topic: int, rate_per_s: float, now_ns: int) -> None:
        """From now on so many a second; 0 for no limit. What was granted and not taken stays."""
        before = self._lines.grant(topic)
        level = before.until(now_ns) if before.rate_per_s else float(self._lines.taken(topic))
        self._write(topic, Grant(rate_per_s, level, now_ns))
        limited = sum(self._lines.grant(each).rate_per_s > 0 for each in range(self.topics))
        struct.pack_into("<I", self._lines.buf, _LIMITED_AT, limited)

    def forfeit(self, topic: int, burst: float, now_ns: int) -> None:
        """What was not taken beyond `burst` is lost; to be called some times a second."""
        grant = self._lines.grant(topic)
        most = self._lines.taken(topic) + burst
        if grant.rate_per_s and grant.until(now_ns) > most:
            self._write(topic, Grant(grant.rate_per_s, most, now_ns))

    def close(self) -> None:
        """Unmap and remove it; consumers that have it go on."""
        self._lines.close()
        memory_file.remove(self.name)
        os.close(self._lock)

    def _write(self, topic: int, grant: Grant) -> None:
        at = line_at(topic)
        (seq,) = _SEQ.unpack_from(self._lines.buf, at)
        _SEQ.pack_into(self._lines.buf, at, seq + 1 & 0xFFFFFFFF)
        _HEAD.pack_into(self._lines.buf, at + _HEAD_AT, grant.rate_per_s, grant.level, grant.at_ns)
        _SEQ.pack_into(self._lines.buf, at, seq + 2 & 0xFFFFFFFF)


class RateTaker:
    """The side of the consumer in one slot."""

    def __init__(self, lines: _Lines, slot: int) -> None:
        self._lines = lines
        self._cell = slot - 1
        self._limited = lines.buf[_LIMITED_AT : _LIMITED_AT + 4].cast("I")

    @classmethod
    def attach(cls, name: str, *, slot: int) -> "RateTaker":
        """Raises SegmentError."""
        try:
            mapping = memory_file.attach(name)
        except (OSError, ValueError) as error:
            raise SegmentError(f"rates {name}: {error}") from error
        if mapping[: len(_MAGIC)] != _MAGIC:
            mapping.close()
            raise SegmentError(f"rates {name}: it is of another version")
        return cls(_Lines(mapping), slot)

    @property
    def any_limited(self) -> bool:
        return self._limited[0] != 0

    def rate_per_s(self, topic: int) -> float:
        """0: no limit."""
        return self._lines.grant(topic).rate_per_s

    def available(self, topic: int, now_ns: int) -> float:
        """How many may start, of a topic with a rate; below 0 where more have started than were granted."""
        return self._lines.grant(topic).until(now_ns) - self._lines.taken(topic)

    def take(self, topic: int, count: int) -> None:
        """So many start; more than there are is made up for by waiting the longer."""
        self._lines.cells(topic)[self._cell] += count

    def close(self) -> None:
        self._limited.release()
        self._lines.close()


def needed_bytes(topics: int) -> int:
    """Of shared memory."""
    return _FIRST_LINE_AT + topics * _LINE_BYTES
