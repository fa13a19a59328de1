"""What a handler is told besides the message, and how it sends; made anew for each call, in the thread that runs it."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol, Unpack

from sylph_mp.api.message import Message
from sylph_mp.api.outgoing_fields import OutgoingFields


class Outbound(Protocol):
    """Where the messages go that a handler sends."""

    def collect(self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields) -> None: ...

    def send_now(
        self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields, *, wait_s: float
    ) -> str: ...

    async def send_now_async(
        self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields, *, wait_s: float
    ) -> str: ...


class Context:
    """Handed to a handler as its second argument.

    `attempt` counts from 1, `slot` is the number of the consumer's slot, `log` is a standard logger that
    knows the slot. A batch handler's `attempt` and `message` are those of its first message.
    """

    def __init__(
        self,
        load_messages: Callable[[], Sequence[Message]],
        *,
        attempt: int,
        slot: int,
        ends_at: float,
        log: logging.Logger,
        outbound: Outbound,
    ) -> None:
        self._load_messages = load_messages
        self._ends_at = ends_at
        self._outbound = outbound
        self.attempt = attempt
        self.slot = slot
        self.log = log

    @cached_property
    def messages(self) -> Sequence[Message]:
        """The messages of this call; one, unless the handler takes batches."""
        return self._load_messages()

    @property
    def message(self) -> Message:
        return self.messages[0]

    @property
    def time_left_s(self) -> float:
        """Seconds until the topic's `time_limit_s` is over; 0 when it is."""
        return max(0.0, self._ends_at - time.monotonic())

    def send(self, topic: str, payload: Any, *, instance: str | None = None, **fields: Unpack[OutgoingFields]) -> None:
        """Send a message when this call has succeeded; the handled message is acked after it was stored.

        `payload`: bytes as they are, text as UTF-8, anything else as JSON, encoded now. `instance`: one of [instances],
        by default that of the handled message. If the handler raises, or returns something else than Ack, nothing is
        sent. Raises OutgoingError, which names what no server would take.
        """
        self._outbound.collect(topic, payload, instance, fields)

    def send_now(
        self, topic: str, payload: Any, *, instance: str | None = None, **fields: Unpack[OutgoingFields]
    ) -> str:
        """Send a message at once and wait until it is stored, whatever becomes of this call; returns its id.

        Raises OutgoingError, and OutputError if it is refused, or not known to be stored by the time limit. In an
        async handler use `send_now_async`.
        """
        return self._outbound.send_now(topic, payload, instance, fields, wait_s=self.time_left_s)

    async def send_now_async(
        self, topic: str, payload: Any, *, instance: str | None = None, **fields: Unpack[OutgoingFields]
    ) -> str:
        """`send_now` for async handlers."""
        return await self._outbound.send_now_async(topic, payload, instance, fields, wait_s=self.time_left_s)
