"""A delivery while this process holds it, from received to settled.

Made and changed on the loop thread; a worker thread writes only what its handler call decides, before handing it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from sylph_mp.ports import Received
from sylph_mp.shm.table import EntryOutcome

if TYPE_CHECKING:
    from sylph_mp.consumer.outputs import Output
    from sylph_mp.consumer.subscription import Subscription


#: The table's `after_ms` is 32 bits wide.
MAX_AFTER_MS = 0xFFFF_FFFF


class Failure(Struct, frozen=True):
    """Why a handler call did not end with Ack; equal failures are counted together."""

    kind: str
    text: str
    place: str


class Result(Struct, frozen=True, kw_only=True):
    """What a handler call decided about its delivery."""

    outcome: EntryOutcome
    after_ms: int = 0
    """Of a Retry: how long the delivery stays away; at most MAX_AFTER_MS."""
    failure: Failure | None = None
    raised: bool = False
    """The handler raised something that is no outcome."""

    @property
    def after_s(self) -> float:
        return self.after_ms / 1000


#: The only one with ACK: it is told from others by identity.
ACKED = Result(outcome=EntryOutcome.ACK)
#: Not called at all: its lease was over when its turn came.
EXPIRED = Result(outcome=EntryOutcome.NONE)


class Delivery(Struct, eq=False, gc=False):  # `freed` ends the one cycle there is, through `then`
    """`*_ns` are CLOCK_MONOTONIC nanoseconds."""

    source: Received
    subscription: Subscription
    index: int
    """Its entry in the in-flight table."""
    frame_at: int
    frame_len: int
    """0: the frame is not in the arena (`unshared`)."""
    received_ns: int
    lease_ns: int
    """When the lease ends."""
    attempt: int
    handle: str
    """The newest receipt handle."""
    handle_at: int = 0
    handle_room: int = 0
    handle_which: int = 0
    started_ns: int = 0
    ended_ns: int = 0
    result: Result | None = None
    outputs: Sequence[Output] = ()
    """What its handler call sends, if it ended with Ack; the same for all of a batch."""
    numbers: range = range(0)
    """In the outbox, of the outputs that it waits for, if its call was a dead process's."""
    busy: bool = False
    """A call to the broker about it is under way; there is never a second one."""
    then: Callable[[], None] | None = None
    """What waits for `busy` to end."""
    round: int = 0
    """That in which its lease is renewed next."""
    suspect: bool = False
    """It ran when a process died here, and is to run alone."""
    tried: bool = False
    """It has run alone before, then beside others when the process died again."""
    kept: bool = False
    """Stays in the table when it is settled by its result: its ack may turn out to be void."""
    acked: bool = False
    """Settled by its result, and kept."""
    settled: bool = False
    """Out of the table: settled, handed back or lost."""

    def freed(self) -> None:
        """The call about it is over."""
        self.busy = False
        action, self.then = self.then, None
        if action is not None:
            action()

    @property
    def phase(self) -> Literal["queued", "running", "held"]:
        """`held` is done and not settled yet."""
        if self.result is not None:
            return "held"
        return "running" if self.started_ns else "queued"

    @property
    def rests(self) -> bool:
        """Its handler asked for a retry, in order: it waits here for that, and at its lane's head."""
        return self.result is not None and self.result.outcome is EntryOutcome.RETRY and self.subscription.fifo
