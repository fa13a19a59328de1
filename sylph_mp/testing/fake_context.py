"""A Context for tests of handlers: what they send is kept, and goes nowhere."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from sylph_mp.api.context import Context
from sylph_mp.api.message import Message
from sylph_mp.api.outgoing_fields import OutgoingFields

Sent = tuple[str, Any, OutgoingFields]
"""Topic, payload and what else was said of it."""


class _Kept:
    """Implements `api.context.Outbound`."""

    def __init__(self) -> None:
        self.collected: list[Sent] = []
        self.sent_now: list[Sent] = []

    def collect(self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields) -> None:
        self.collected.append((topic, payload, fields))

    def send_now(self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields, *, wait_s: float) -> str:
        self.sent_now.append((topic, payload, fields))
        return f"message-{len(self.sent_now)}"

    async def send_now_async(
        self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields, *, wait_s: float
    ) -> str:
        return self.send_now(topic, payload, instance, fields, wait_s=wait_s)


class FakeContext(Context):
    """`sent` is what `ctx.send` collected, whether or not the handler succeeds; `sent_now` what `send_now` took."""

    def __init__(self, *messages: Message, attempt: int = 1, slot: int = 1, time_limit_s: float = 30.0) -> None:
        """`messages` are what `ctx.message` and `ctx.messages` give."""
        self._kept = _Kept()
        super().__init__(
            lambda: messages,
            attempt=attempt,
            slot=slot,
            ends_at=time.monotonic() + time_limit_s,
            log=logging.getLogger("handlers"),
            outbound=self._kept,
        )

    @property
    def sent(self) -> Sequence[Sent]:
        return self._kept.collected

    @property
    def sent_now(self) -> Sequence[Sent]:
        return self._kept.sent_now
