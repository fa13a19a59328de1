"""Writes deliveries into a segment without end, every field a function of (index, attempt), until it is killed."""

import random
import sys

from sylph_mp.shm.arena import Arena
from sylph_mp.shm.handles import write_handle
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome, Table

ROOM = 128


def frame_of(index: int, attempt: int) -> bytes:
    return f"{index}/{attempt};".encode() * 20


def handle_of(index: int, lease_ns: int) -> str:
    return f"{index} {lease_ns} ".ljust(100, "h")


def write_forever(segment: Segment, seed: int) -> None:
    rng = random.Random(seed)
    table, arena = Table(segment), Arena(segment)
    blocks = [arena.alloc(1024) for _ in range(segment.geometry.entries)]
    handles = [arena.alloc(2 * ROOM) for _ in range(segment.geometry.entries)]
    attempt = 0
    while True:
        attempt += 1
        index = rng.randrange(segment.geometry.entries)
        table.free(index)
        frame = frame_of(index, attempt)
        arena.write(blocks[index], frame)
        table.put(index, 1, attempt, 0, 0, blocks[index], len(frame), attempt, attempt)
        table.start(index, attempt % 4, attempt)
        for renewal in range(1, rng.randrange(4)):
            write_handle(arena, handles[index], ROOM, renewal % 2, handle_of(index, attempt + renewal))
            table.extend(index, attempt + renewal, handles[index], ROOM, renewal % 2)
        table.finish(index, EntryOutcome.RETRY, attempt)
        if rng.random() < 0.3:
            table.requeue(index, attempt)


if __name__ == "__main__":
    attached = Segment.attach(sys.argv[1])
    print("writing", flush=True)
    write_forever(attached, int(sys.argv[2]))
