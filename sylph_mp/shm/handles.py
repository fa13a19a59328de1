"""The newest receipt handle of a renewed delivery: one arena block with two rooms, the entry says which one counts.

The consumer's loop thread writes, in turn into the room that does not count; any process reads.

    at                    at + room              at + 2 * room
    ├──────────┬──────────┼──────────┬───────────┤
    │ u16 size │ 0: text  │ u16 size │ 1: text   │
    └──────────┴──────────┴──────────┴───────────┘
"""

import struct

from sylph_mp.shm.arena import Arena

_SIZE = struct.Struct("<H")


def write_handle(arena: Arena, at: int, room: int, which: int, text: str) -> None:
    """Write into room `which` (0 or 1) of the 2 * `room` bytes at `at`; raises ValueError if it does not fit."""
    data = text.encode()
    if which not in (0, 1) or _SIZE.size + len(data) > room:
        raise ValueError(f"a handle of {len(data)} bytes does not fit room {which} of {room} bytes")
    arena.write(at + which * room, _SIZE.pack(len(data)) + data)


def read_handle(arena: Arena, at: int, room: int, which: int) -> str:
    """What was written last into that room."""
    begin = at + which * room
    (size,) = _SIZE.unpack(arena.read(begin, _SIZE.size))
    return arena.read(begin + _SIZE.size, size).decode()
