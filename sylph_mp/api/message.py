"""A received message, as a handler sees it."""

from datetime import datetime

from msgspec import Struct


class Message(Struct, frozen=True, kw_only=True):
    id: str
    topic: str
    body: bytes
    tag: str | None = None
    keys: tuple[str, ...] = ()
    properties: dict[str, str] = {}
    group: str | None = None
    """Message group: messages of one group run in order, in a FIFO topic."""
    attempt: int = 1
    """From 1; our own count where the broker's is wrong (FIFO)."""
    born_at: datetime | None = None
    """When the sender made it, by the sender's clock, UTC."""
    stored_at: datetime | None = None
    """When the broker stored it, by the broker's clock, UTC."""
    queue: int = 0
    offset: int = 0
