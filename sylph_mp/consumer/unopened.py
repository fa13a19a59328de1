"""Stands in for a session that is not open yet: every call fails as if the broker were away, and is tried again.

Deliveries that were adopted run at once; what they come to is settled when the session is there.
"""

from collections.abc import Sequence

from sylph_mp.errors import TransportError
from sylph_mp.ports import Health, Received, Settled


class UnopenedSession:
    @property
    def health(self) -> Health:
        return Health(endpoint="", answered_at=None, failing_since=None, tries=0, error=None)

    async def receive(self, topic: str, *, batch: int, lease_s: float, attempt_id: str) -> Sequence[Received]:
        raise _not_open()

    async def ack(self, topic: str, entries: Sequence[tuple[str, str]]) -> Sequence[Settled]:
        raise _not_open()

    async def renew(self, topic: str, message_id: str, handle: str, *, lease_s: float) -> str:
        raise _not_open()

    async def release(self, topic: str, message_id: str, handle: str, *, after_s: float, count_attempt: bool) -> None:
        raise _not_open()

    async def dead_letter(self, topic: str, message_id: str, handle: str, *, attempt: int, limit: int) -> None:
        raise _not_open()


def _not_open() -> TransportError:
    return TransportError("session not open yet")
