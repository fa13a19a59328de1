"""A session without a broker: tests put messages in and look at what was settled. Runs on the test's loop."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import count
from types import MappingProxyType

from sylph_mp.api.message import Message
from sylph_mp.errors import BrokerError
from sylph_mp.ports import Health, Settled


class FakeReceived:
    """A delivery whose every field the test chooses."""

    def __init__(
        self,
        body: bytes = b"{}",
        *,
        message_id: str = "01AA",
        topic: str = "orders",
        group: str = "",
        attempt: int = 1,
        offset: int = 0,
        stored_ms: int = 0,
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.body = body
        self.frame = body
        self.id = message_id
        self.handle = f"handle-{message_id}-{attempt}"
        self.topic = topic
        self.group = group
        self.attempt = attempt
        self.queue = ("broker-a", 0)
        self.offset = offset
        self.stored_ms = stored_ms
        self.carrier = properties

    def message(self, attempt: int) -> Message:
        return Message(
            id=self.id,
            topic=self.topic,
            body=self.body,
            properties=dict(self.carrier),
            group=self.group or None,
            attempt=attempt,
        )


class FakeSession:
    """Gives what was `put`; a receive without messages ends after `poll_s`, as a long poll does."""

    def __init__(self, *, poll_s: float = 0.02) -> None:
        self.poll_s = poll_s
        self.messages: deque[FakeReceived] = deque()
        self._arrived = asyncio.Event()
        self._numbers = count(1)
        self.failures: deque[BrokerError] = deque()
        """The next calls raise these, one each."""
        self.acked: list[str] = []
        self.handles: list[str] = []
        """With which they were acked."""
        self.released: list[tuple[str, float, bool]] = []
        """(message id, after_s, count_attempt)"""
        self.dead: list[str] = []
        self.renewed: list[str] = []
        self.attempt_ids: list[str] = []
        self.batches: list[int] = []

    @property
    def health(self) -> Health:
        return Health(endpoint="fake", answered_at=0.0, failing_since=None, tries=0, error=None)

    def put(self, *messages: FakeReceived) -> None:
        self.messages.extend(messages)
        self._arrived.set()

    async def receive(self, topic: str, *, batch: int, lease_s: float, attempt_id: str) -> Sequence[FakeReceived]:
        del topic, lease_s
        self.attempt_ids.append(attempt_id)
        self.batches.append(batch)
        self._fail()
        if not self.messages:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), self.poll_s)
            except TimeoutError:
                return []
        return [self.messages.popleft() for _ in range(min(batch, len(self.messages)))]

    async def ack(self, topic: str, entries: Sequence[tuple[str, str]]) -> Sequence[Settled]:
        del topic
        self._fail()
        self.acked.extend(message_id for message_id, _ in entries)
        self.handles.extend(handle for _, handle in entries)
        return [Settled()] * len(entries)

    async def renew(self, topic: str, message_id: str, handle: str, *, lease_s: float) -> str:
        del topic, lease_s
        self._fail()
        self.renewed.append(message_id)
        return f"{handle.partition('#')[0]}#{next(self._numbers)}"

    async def release(self, topic: str, message_id: str, handle: str, *, after_s: float, count_attempt: bool) -> None:
        del topic, handle
        self._fail()
        self.released.append((message_id, after_s, count_attempt))

    async def dead_letter(self, topic: str, message_id: str, handle: str, *, attempt: int, limit: int) -> None:
        del topic, handle, attempt, limit
        self._fail()
        self.dead.append(message_id)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()
