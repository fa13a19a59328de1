"""What the two ways of consuming a topic have in common: concurrent for most groups, in order for FIFO groups.

A subscription is one group's place in one topic. Used on the server's loop thread.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from sylph_mp.devbroker.store.bell import Bell
from sylph_mp.devbroker.store.filter import Filter
from sylph_mp.devbroker.store.handle import Handle
from sylph_mp.devbroker.store.record import Delivery, Record

#: Dead-letters a record: (record, the attempt that it does not get, milliseconds since 1970).
DeadLetter = Callable[[Record, int, int], None]

#: How long the proxy's automatic renewal holds a delivery at a time, and altogether.
RENEWAL_MS = 60_000
RENEW_FOR_MS = 3 * 3600_000


class Pop(Struct, frozen=True, kw_only=True):
    """One look for messages."""

    now_ms: int
    batch: int
    invisible_ms: int
    filter: Filter
    attempt_id: str = ""
    """A FIFO group that asks again with the same one gets the same again; "" for none."""
    renew_for: str = ""
    """The client for which leases are renewed while it lives; "" for nobody."""


class Subscription(Protocol):
    bell: Bell

    def pop(self, pop: Pop) -> list[Delivery]:
        """Take what is to be had now; may be empty."""
        ...

    def ack(self, handle: Handle, now_ms: int) -> None:
        """Settle a delivery. A handle that is no longer the current one changes nothing.

        Raises RefusedError for an offset that was never given out.
        """
        ...

    def change(self, handle: Handle, *, invisible_ms: int, count: bool, now_ms: int) -> Handle:
        """Let a delivery come again in `invisible_ms`; `count`: as a further attempt. Returns the new handle."""
        ...

    def take(self, handle: Handle, now_ms: int) -> tuple[Record, int] | None:
        """Settle a delivery and return its record and attempt; None if the handle is not current."""
        ...

    def put_back(self, delivery: Delivery, now_ms: int) -> None:
        """A delivery did not reach its consumer: it comes again soon, the attempt not counted."""
        ...

    def abandon(self, client: str, now_ms: int) -> None:
        """A client has gone: what is renewed for it comes again soon."""
        ...

    def holds(self, handle: Handle) -> bool:
        """Whether the lease goes on although the handle's own time may be over: it is renewed by the broker."""
        ...

    def floor(self, queue: int) -> int:
        """The offset below which this group needs nothing of a queue any more."""
        ...
