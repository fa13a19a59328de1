"""A stored message, and the places where it stands.

Used on the server's loop thread.
"""

from enum import IntEnum

from msgspec import Struct

from sylph_mp.devbroker.store.handle import Handle


class Kind(IntEnum):
    """Message types, with the numbers of `MessageType` in definition.proto."""

    NORMAL = 1
    FIFO = 2
    DELAY = 3
    TRANSACTION = 4


class Record(Struct, frozen=True, kw_only=True, weakref=True, eq=False):
    """What a producer sent. It is in memory as long as somebody refers to it, see `Memory`."""

    id: str
    kind: Kind
    body: bytes
    encoding: int
    """`Encoding` of definition.proto; the broker does not look inside."""
    digest: str
    """MD5 of the body as stored, upper-case hex."""
    tag: str | None = None
    keys: tuple[str, ...] = ()
    properties: dict[str, str] = {}
    group: str | None = None
    born_ms: int
    born_host: str = ""
    deliver_at_ms: int | None = None
    trace_context: str | None = None
    earlier_attempts: int = 0
    """Deliveries before it came into a dead-letter topic."""

    @property
    def size(self) -> int:
        """Bytes, much as RocketMQ counts them; never 0."""
        texts = [self.id, self.tag or "", *self.keys, *self.properties, *self.properties.values()]
        return len(self.body) + sum(map(len, texts)) + 100


class Entry(Struct, frozen=True, eq=False):
    """A record at an offset of a queue."""

    record: Record
    queue: int
    offset: int
    stored_ms: int
    position: int
    """Where it would stand in a commit log: bytes stored before it."""


class Delivery(Struct, frozen=True, eq=False):
    """An entry given to a consumer."""

    entry: Entry
    handle: Handle
    attempt: int
