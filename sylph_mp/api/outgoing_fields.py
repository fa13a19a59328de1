"""What may be said of a message that is sent, besides its topic and payload: the keywords of everything that sends."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict


class HalfFields(TypedDict, total=False):
    """Of a half message, which waits for its transaction and so can neither be ordered nor delayed."""

    tag: str | None
    keys: Sequence[str]
    """To find the message by, at the broker; no blanks within one."""
    properties: Mapping[str, str]
    trace_parent: str | None
    """W3C trace context."""


class OutgoingFields(HalfFields, total=False):
    group: str | None
    """Message group, for a topic of type FIFO: messages of one group are stored in the order in which they are sent."""
    deliver_at: datetime | None
    """With a time zone, for a topic of type DELAY. A time that has passed means at once."""
    deliver_after_s: float | None
    priority: int | None
    """From 0; higher ones are delivered first (topics of type PRIORITY, servers from 5.4.0)."""
