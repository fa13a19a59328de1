"""Asks the broker for messages, poll after poll, whatever goes wrong in between. Runs on the loop thread.

Each receive loop has one of these. A failed poll is sent again with its attempt id: what it had popped of an ordered
queue comes again with that at once, and with no other before its lease is over.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from time import monotonic

from msgspec import Struct

from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.poll_lines import PollLine
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError
from sylph_mp.ports import Received

FIRST_WAIT_S = 0.05
#: Somebody watching a broker come back should see messages within three seconds.
MAX_WAIT_S = 1.0


class Answer(Struct, frozen=True):
    batch: int
    """How many were asked for; kept free in the buffer until the answer is taken."""
    received: Sequence[Received]
    took_s: float = 0.0
    """From the request on."""

    @property
    def full(self) -> bool:
        return len(self.received) >= self.batch


class Asking:
    def __init__(self, *, subscription: Subscription, intake: Intake, line: PollLine | None) -> None:
        """`line` is where the polls are noted, None for topics that need none."""
        self._subscription = subscription
        self._intake = intake
        self.line = line
        self._idle: asyncio.Task[None] | None = None
        """The loop while it waits for credit or for another try: ended at once when quiet; polls run out."""
        self.polling = False
        """A poll is outstanding."""
        self.is_quiet = False

    def quiet(self) -> None:
        self.is_quiet = True
        if self._idle is not None:
            self._idle.cancel()

    async def answered(self, attempt_id: str) -> Answer | None:
        """Poll until there is an answer, perhaps an empty one, to be taken; None when quiet before."""
        subscription = self._subscription
        wait_s = FIRST_WAIT_S
        while not self.is_quiet:
            batch = await self.idle(self._intake.credit(subscription))
            if self.line is not None:
                self.line.ask(attempt_id)
            self.polling = True
            asked_at = monotonic()
            try:
                received = await subscription.session.receive(
                    subscription.name, batch=batch, lease_s=subscription.topic.lease_s, attempt_id=attempt_id
                )
            except BrokerError:
                # The session's health tells what it is.
                self.polling = False
                self._intake.left(subscription, batch)
            else:
                self.polling = False
                return Answer(batch, received, monotonic() - asked_at)
            if not self.is_quiet:
                await self.idle(asyncio.sleep(wait_s, 0))
            wait_s = min(2 * wait_s, MAX_WAIT_S)
        return None

    def take(self, answer: Answer, *, hand_back: bool = False) -> list[Delivery]:
        """Admit what came, to be run or handed back: from now on it is in the in-flight table."""
        return self._intake.arrived(self._subscription, answer.batch, answer.received, self.line, hand_back=hand_back)

    async def idle(self, waiting: Awaitable[int]) -> int:
        """Wait for what is no poll."""
        self._idle = asyncio.current_task()
        try:
            return await waiting
        finally:
            self._idle = None
