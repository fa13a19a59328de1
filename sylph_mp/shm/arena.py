"""The arena: the received frames' bytes and the renewed handles, in blocks of a slot's shared memory.

The consumer's loop thread allocates and writes; any process reads. Which blocks are taken is known only to the
allocator in the owner's heap: after its death the table says it, and `reserve` tells it to the successor's.

A renewed delivery has one more block, of two rooms for its receipt handle. The newest goes into the room that does
not count yet, then the entry says which one does.

    at                    at + room              at + 2 * room
    ├──────────┬──────────┼──────────┬───────────┤
    │ u16 size │ 1: text  │ u16 size │ 2: text   │
    └──────────┴──────────┴──────────┴───────────┘
"""

import struct

from sylph_mp.shm.buddies import Buddies
from sylph_mp.shm.segment import Segment

_SIZE = struct.Struct("<H")


class Arena:
    """Offsets are relative to the arena."""

    def __init__(self, segment: Segment) -> None:
        geometry = segment.geometry
        self._bytes = segment.window(geometry.arena_at, geometry.arena_bytes)
        self._blocks = Buddies(geometry.arena_bytes)

    @property
    def capacity(self) -> int:
        return self._blocks.capacity

    @property
    def used_bytes(self) -> int:
        """Of whole blocks, as they are not there for others."""
        return self._blocks.used_bytes

    def alloc(self, length: int) -> int | None:
        """The offset of a block of at least `length` bytes (1 or more); None if it does not fit now."""
        return self._blocks.alloc(length)

    def free(self, at: int, length: int) -> None:
        """Give back what `alloc(length)` returned, once."""
        self._blocks.free(at, length)

    def reserve(self, at: int, length: int) -> None:
        """Take the very block of a predecessor's `alloc(length)`; raises ValueError if it is not free."""
        self._blocks.reserve(at, length)

    def write(self, at: int, data: bytes) -> None:
        self._bytes[at : at + len(data)] = data

    def read(self, at: int, length: int) -> bytes:
        return bytes(self._bytes[at : at + length])

    def view(self, at: int, length: int) -> memoryview:
        """The bytes themselves; to be released before the segment is closed."""
        return self._bytes[at : at + length]


def write_handle(arena: Arena, at: int, room: int, which: int, text: str) -> None:
    """Write into room `which` (1 or 2) of the 2 * `room` bytes at `at`; raises ValueError if it does not fit."""
    data = text.encode()
    if which not in (1, 2) or _SIZE.size + len(data) > room:
        raise ValueError(f"a handle of {len(data)} bytes does not fit room {which} of {room} bytes")
    arena.write(at + (which - 1) * room, _SIZE.pack(len(data)) + data)


def read_handle(arena: Arena, at: int, room: int, which: int) -> str:
    """What was written last into room `which` (1 or 2)."""
    begin = at + (which - 1) * room
    (size,) = _SIZE.unpack(arena.read(begin, _SIZE.size))
    return arena.read(begin + _SIZE.size, size).decode()
