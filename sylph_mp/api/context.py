"""What a handler is told besides the message; made anew for each call, in the thread that runs it."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property

from sylph_mp.api.message import Message


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
    ) -> None:
        self._load_messages = load_messages
        self._ends_at = ends_at
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
