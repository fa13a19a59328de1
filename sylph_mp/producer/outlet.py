"""The seam to whatever sends: messages go in, and what became of them comes out. On the loop thread of who sends."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from sylph_mp.errors import SylphError
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Encoded


class Receipt(Struct, frozen=True):
    """What became of one message."""

    id: str
    error: SylphError | None = None
    """None: the broker has stored it. Else a BrokerError; SaturatedError: dropped; OutgoingError: it is at fault."""
    unknown: bool = False
    """With an error: it may have been stored nevertheless, because the answer did not come."""
    offset: int = -1
    """In its queue; -1 where the broker did not say."""
    broker: str = ""
    """Name of the broker that has stored it."""
    transaction_id: str = ""
    """Of a half message: what the broker knows the transaction by."""


class Answer(Struct, frozen=True, gc=False):
    """What became of neighbouring messages; fields as in Receipt."""

    first: int
    """Place of the first in what was submitted."""
    count: int
    error: SylphError | None = None
    unknown: bool = False
    offset: int = -1
    """Of the first; the others follow."""
    broker: str = ""
    transaction_id: str = ""

    def receipts(self, ids: Sequence[str]) -> list[Receipt]:
        """One for each; `ids` are those of all that was submitted."""
        first, error, unknown, broker, transaction_id = (
            self.first, self.error, self.unknown, self.broker, self.transaction_id,
        )  # fmt: skip
        if self.offset < 0:
            return [Receipt(ids[place], error, unknown) for place in range(first, first + self.count)]
        behind = self.offset - first
        return [
            Receipt(ids[place], error, unknown, behind + place, broker, transaction_id)
            for place in range(first, first + self.count)
        ]


OnReceipt = Callable[[Receipt], None]
OnAnswer = Callable[[Answer], None]


class Room(Struct, frozen=True):
    """What may still be submitted; negative after more than what was left went into an empty queue."""

    messages: int
    size: int
    """In bytes."""


class Outlet(Protocol):
    def submit(self, encoded: Encoded, on_receipt: OnReceipt) -> bool:
        """Take a message; `on_receipt` is called once, later, on the loop thread, and must not raise.

        Returns False, and takes nothing, when there is no room or the outlet is closing. Messages of one group
        are sent in the order of their submission.
        """
        ...

    @property
    def room(self) -> Room: ...

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call it once, on the loop thread, as soon as a submission is taken again."""
        ...

    async def close(self, deadline: Deadline) -> None:
        """Send what was submitted; what is not done by the deadline gets a receipt that says so. Never raises."""
        ...


class BundleOutlet(Outlet, Protocol):
    def submit_bundle(self, bundle: Bundle, on_answer: OnAnswer) -> bool:
        """The same for all messages of a bundle, or for none; each is in one answer, neighbours together."""
        ...
