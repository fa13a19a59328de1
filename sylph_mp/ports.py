"""The seam between the consumer and RocketMQ: what is received, and the session that receives and settles.

The real session is in `rocketmq/`; tests bring their own. All of it is called on the loop thread only.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from sylph_mp.api.message import Message
from sylph_mp.errors import BrokerError

#: How long a receive without messages waits at the broker. 5 s is the least that RocketMQ accepts; a poll that nobody
#: waits for any more goes on taking messages until its end.
POLL_S = 5.0


class Received(Protocol):
    """One delivery as it came off the wire; cheap to make, the `Message` is built only when asked for."""

    @property
    def frame(self) -> bytes:
        """The gRPC message's bytes, from which the session's `parse` makes an equal one."""
        ...

    @property
    def body(self) -> bytes:
        """Decompressed, its checksum verified."""
        ...

    @property
    def id(self) -> str: ...
    @property
    def handle(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def group(self) -> str:
        """Message group, "" for none."""
        ...

    @property
    def attempt(self) -> int: ...
    @property
    def queue(self) -> tuple[str, int]:
        """Broker name and queue id: the scope of `offset`."""
        ...

    @property
    def offset(self) -> int: ...
    @property
    def stored_ms(self) -> int:
        """The broker's store time, milliseconds since 1970 UTC."""
        ...

    @property
    def carrier(self) -> Mapping[str, str]:
        """Where the sender's trace context is: the user's properties, with the system's field as `traceparent`."""
        ...

    def message(self, attempt: int) -> Message: ...


class Settled(Struct, frozen=True):
    """What became of one ack."""

    error: BrokerError | None = None


class Shape(Struct, frozen=True):
    """What the server's settings say about a group."""

    fifo: bool
    max_attempts: int
    batch: int


class Health(Struct, frozen=True, kw_only=True):
    """How a session's calls fare; times are CLOCK_MONOTONIC."""

    endpoint: str
    answered_at: float | None
    """When a call was last answered, whatever the answer."""
    failing_since: float | None
    """None while calls are answered."""
    tries: int
    """Calls without an answer since the last that had one."""
    error: str | None
    """Why the last of them failed, in a few words: `connection refused`."""


class Session(Protocol):
    """One (instance, group) of one process. Every call raises BrokerError's subclasses and nothing else."""

    @property
    def health(self) -> Health: ...

    async def receive(self, topic: str, *, batch: int, lease_s: float, attempt_id: str) -> Sequence[Received]:
        """One long poll of POLL_S; empty when nothing came. Never cancelled by the caller on a clean stop."""
        ...

    async def ack(self, topic: str, entries: Sequence[tuple[str, str]]) -> Sequence[Settled]:
        """Ack (message id, handle) pairs in one request; answers in their order."""
        ...

    async def renew(self, topic: str, message_id: str, handle: str, *, lease_s: float) -> str:
        """Hold a delivery for `lease_s` more; returns the new handle, repaired. Does not count an attempt."""
        ...

    async def release(self, topic: str, message_id: str, handle: str, *, after_s: float, count_attempt: bool) -> None:
        """Give a delivery back: it comes again after `after_s` at the earliest."""
        ...

    async def dead_letter(self, topic: str, message_id: str, handle: str, *, attempt: int, limit: int) -> None:
        """Move it to the group's dead-letter topic and ack it."""
        ...


class Clients(Protocol):
    """The sessions of one process, one for each (instance, group)."""

    async def open(self, instance: str, group: str) -> tuple[Session, Shape]:
        """The open session of that key, opened at the first call. Raises BrokerError; the next call tries again."""
        ...

    async def close(self) -> None:
        """Stop all sessions, the last opened first. Never raises."""
        ...
