"""Consumer groups.

Used on the server's loop thread.
"""

from msgspec import Struct

#: RocketMQ's retryMaxTimes of 16, and the first delivery.
MAX_ATTEMPTS = 17


class Group(Struct, frozen=True):
    name: str
    fifo: bool = False
    max_attempts: int = MAX_ATTEMPTS
    """Deliveries, after which a message goes to the group's dead-letter topic."""

    @property
    def dead_letter_topic(self) -> str:
        return f"%DLQ%{self.name}"
