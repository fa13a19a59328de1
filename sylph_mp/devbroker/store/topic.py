"""Topics and their queues: each queue is a log from which what every group has passed is cut off.

Used on the server's loop thread.
"""

import zlib
from collections import deque

from sylph_mp.devbroker.store.record import Entry, Kind, Record


class Queue:
    def __init__(self, number: int) -> None:
        self.number = number
        self._entries: deque[Entry] = deque()
        self.first = 0
        """Offset of the oldest entry that is still here."""

    @property
    def end(self) -> int:
        """Offset that the next entry gets."""
        return self.first + len(self._entries)

    def append(self, record: Record, *, now_ms: int, position: int) -> Entry:
        entry = Entry(record, self.number, self.end, now_ms, position)
        self._entries.append(entry)
        return entry

    def at(self, offset: int) -> Entry:
        return self._entries[offset - self.first]

    def cut(self, below: int) -> None:
        """Forget the entries below an offset."""
        while self.first < below and self._entries:
            self._entries.popleft()
            self.first += 1


class Topic:
    def __init__(self, name: str, *, kind: Kind, queues: int) -> None:
        self.name = name
        self.kind = kind
        self.queues = [Queue(number) for number in range(queues)]
        self._next = 0

    def queues_from(self, turn: int) -> list[Queue]:
        """All queues, beginning with another one in each turn, so that none is favoured."""
        first = turn % len(self.queues)
        return self.queues[first:] + self.queues[:first]

    def queue_for(self, records: list[Record]) -> Queue:
        """One queue for a whole request: by message group if there is one message, else the next in turn."""
        group = records[0].group if len(records) == 1 else None
        if group is not None:
            return self.queues[zlib.crc32(group.encode()) % len(self.queues)]
        self._next += 1
        return self.queues[self._next % len(self.queues)]
