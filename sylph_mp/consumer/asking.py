"""Asks the broker for messages, poll after poll, whatever goes wrong in between. Runs on the loop thread.

Each receive loop has one of these. A failed poll is sent again with its attempt id: what it had popped of an ordered
queue comes again with that at once, and with no other before its lease is over.

The failed poll may also still be waiting in the broker, for as long as a poll lasts, and it may then take from us what
we are given, since the same id opens it every queue that we hold by it. Our handles are void then, without a word, and
the queue opens for others when the broker has failed to deliver (rocketmq 5.5.0: 1 s). Nothing tells which of the two
it is: what comes at once may have been on the wire, or have become free just now. So what comes while that may be is
contested: not run but handed back, for any poll to bring it.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from time import monotonic_ns

from msgspec import Struct

from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.poll_lines import PollLine
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError, NotSentError
from sylph_mp.ports import POLL_S, Received
from sylph_mp.shm.polls import Poll

FIRST_WAIT_S = 0.05
#: Somebody watching a broker come back should see messages within three seconds.
MAX_WAIT_S = 1.0
#: How long after its request a poll may still wait in the broker.
GONE_NS = int((POLL_S + 1.0) * 1e9)


class Answer(Struct, frozen=True):
    batch: int
    """How many were asked for; kept free in the buffer until the answer is taken."""
    received: Sequence[Received]
    contested: bool = False
    """An earlier poll with its attempt id may yet take it away."""

    @property
    def full(self) -> bool:
        return len(self.received) >= self.batch


class Asking:
    def __init__(
        self, *, subscription: Subscription, intake: Intake, line: PollLine | None, earlier: Poll | None = None
    ) -> None:
        """`line` is where the polls are noted, None for topics that need none; `earlier` is a dead process's poll."""
        self._subscription = subscription
        self._intake = intake
        self.line = line
        self._attempt_id = earlier.attempt_id if earlier else ""
        self.gone_ns = earlier.asked_ns + GONE_NS if earlier else 0
        """From then on no earlier poll with this attempt id is in the broker."""
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
        if attempt_id != self._attempt_id:
            self._attempt_id, self.gone_ns = attempt_id, 0
        wait_s = FIRST_WAIT_S
        while not self.is_quiet:
            batch = await self.idle(self._intake.credit(subscription))
            if self.line is not None:
                self.line.ask(attempt_id)
            self.polling = True
            asked_ns = monotonic_ns()
            try:
                received = await subscription.session.receive(
                    subscription.name, batch=batch, lease_s=subscription.topic.lease_s, attempt_id=attempt_id
                )
            except BrokerError as error:
                # The session's health tells what it is.
                self.polling = False
                if not isinstance(error, NotSentError):
                    self.gone_ns = asked_ns + GONE_NS
                self._intake.left(subscription, batch)
            else:
                self.polling = False
                return Answer(batch, received, bool(received) and self._is_contested())
            if not self.is_quiet:
                await self.idle(asyncio.sleep(wait_s, 0))
            wait_s = min(2 * wait_s, MAX_WAIT_S)
        return None

    def take(self, answer: Answer) -> list[Delivery]:
        """Admit what came: from now on it is in the in-flight table."""
        return self._intake.arrived(
            self._subscription, answer.batch, answer.received, self.line, hand_back=answer.contested
        )

    def _is_contested(self) -> bool:
        return self._subscription.fifo and monotonic_ns() <= self.gone_ns

    async def idle(self, waiting: Awaitable[int]) -> int:
        """Wait for what is no poll."""
        self._idle = asyncio.current_task()
        try:
            return await waiting
        finally:
            self._idle = None
