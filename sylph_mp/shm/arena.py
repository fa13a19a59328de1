"""The arena: the received frames' bytes and renewed handles, in blocks of a slot's shared memory.

The consumer's loop thread allocates and writes; any process reads. Which blocks are taken is known only to the
allocator in the owner's heap: after its death the table says it, and `reserve` tells it to the successor's.
"""

from collections.abc import Iterable

from sylph_mp.shm.buddies import Buddies
from sylph_mp.shm.segment import Segment


class Arena:
    """Offsets are relative to the arena."""

    def __init__(self, segment: Segment) -> None:
        geometry = segment.geometry
        self._bytes = segment.window(geometry.arena_at, geometry.arena_bytes)
        self._blocks = Buddies(geometry.arena_bytes)
        self.alloc = self._blocks.alloc
        """`alloc(length)`: the offset of a block of at least `length` (1 or more) bytes; None if there is none now."""
        self.free = self._blocks.free
        """`free(at, length)`: give back what `alloc(length)` returned, once."""

    @property
    def capacity(self) -> int:
        return self._blocks.capacity

    @property
    def used_bytes(self) -> int:
        """Of whole blocks, as they are not there for others."""
        return self._blocks.used_bytes

    def reserve(self, at: int, length: int) -> None:
        """Take the very block of a predecessor's `alloc(length)`; raises ValueError if it is not free."""
        self._blocks.reserve(at, length)

    def write(self, at: int, data: bytes) -> None:
        self._bytes[at : at + len(data)] = data

    def store(self, many: Iterable[bytes]) -> list[int | None]:
        """Write each (1 byte or more) into a block of its own: their offsets, None where there is no block now."""
        alloc, window = self.alloc, self._bytes
        places = []
        for data in many:
            length = len(data)
            at = alloc(length)
            if at is not None:
                window[at : at + length] = data
            places.append(at)
        return places

    def read(self, at: int, length: int) -> bytes:
        return bytes(self._bytes[at : at + length])

    def view(self, at: int, length: int) -> memoryview:
        """The bytes themselves; to be released before the segment is closed."""
        return self._bytes[at : at + length]
