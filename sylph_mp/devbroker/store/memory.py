"""Bounds the bytes of all records; a record gives its bytes back when nothing refers to it any more.

That is when every group has settled it, wherever it stood: queue, lease, retry or delay. On the server's loop thread.
"""

import weakref

from sylph_mp.devbroker.store.record import Record
from sylph_mp.devbroker.store.refusal import Code, RefusedError


class Memory:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def charge(self, records: list[Record]) -> None:
        """Count new records, all or none. Raises RefusedError if they do not fit."""
        size = sum(record.size for record in records)
        if self.used + size > self.limit:
            text = f"flow limit: the embedded broker holds {self.used} of at most {self.limit} bytes"
            raise RefusedError(Code.TOO_MANY_REQUESTS, text)
        for record in records:
            self.replace(record)

    def replace(self, record: Record) -> None:
        """Count a record that takes the place of one which goes now, so without asking."""
        self.used += record.size
        weakref.finalize(record, self._give_back, record.size).atexit = False

    def _give_back(self, size: int) -> None:
        self.used -= size
