"""One shard: receives messages of a topic, one long poll after the other. Runs on the loop thread.

One poll is outstanding while little comes; more, up to MAX_POLLS, while receives come back full: the polls of a
process that dies go on eating messages in the broker (rocketmq 5.5.0), so there should be few.
"""

import asyncio
from collections.abc import Awaitable
from itertools import count
from uuid import uuid4

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError

MAX_POLLS = 4
FIRST_WAIT_S = 0.05
#: Somebody watching a broker come back should see messages within three seconds.
MAX_WAIT_S = 1.0


class Receiver:
    def __init__(self, *, subscription: Subscription, intake: Intake, background: Background) -> None:
        self._subscription = subscription
        self._intake = intake
        self._background = background
        self._quiet = False
        self._name = uuid4().hex
        self._attempts = count(1)
        self._loops: set[asyncio.Task[None]] = set()
        self._idle_loops: set[asyncio.Task[None]] = set()
        """Those that wait for credit or for another try: ended at once when quiet; polls run out."""

    def start(self) -> None:
        self._add_loop()

    def quiet(self) -> None:
        self._quiet = True
        for task in self._idle_loops:
            task.cancel()

    @property
    def polling(self) -> bool:
        """Polls are outstanding."""
        return len(self._loops) > len(self._idle_loops)

    def _add_loop(self) -> None:
        task = self._background.run(self._receive())
        self._loops.add(task)
        task.add_done_callback(self._loops.discard)

    def _leave_loop(self) -> bool:
        """End the present loop unless it is the last; said at once, so that two that end together do not both go."""
        task = asyncio.current_task()
        if len(self._loops) == 1 or task is None:
            return False
        self._loops.discard(task)
        return True

    def _new_attempt_id(self) -> str:
        return f"{self._name}-{next(self._attempts)}"

    async def _receive(self) -> None:
        subscription = self._subscription
        attempt_id = self._new_attempt_id()
        wait_s = FIRST_WAIT_S
        while not self._quiet:
            batch = await self._idle(self._intake.credit(subscription))
            try:
                received = await subscription.session.receive(
                    subscription.name, batch=batch, lease_s=subscription.topic.lease_s, attempt_id=attempt_id
                )
            except BrokerError:
                # The session's health tells what it is. The same attempt id makes the broker give the same again.
                self._intake.arrived(subscription, batch, ())
                if not self._quiet:
                    await self._idle(asyncio.sleep(wait_s, 0))
                wait_s = min(2 * wait_s, MAX_WAIT_S)
                continue
            attempt_id = self._new_attempt_id()
            wait_s = FIRST_WAIT_S
            self._intake.arrived(subscription, batch, received)
            if len(received) == MAX_BATCH:
                if len(self._loops) < MAX_POLLS and not self._quiet:
                    self._add_loop()
            elif len(received) < batch and self._leave_loop():
                return

    async def _idle(self, waiting: Awaitable[int]) -> int:
        task = asyncio.current_task()
        assert task is not None
        self._idle_loops.add(task)
        try:
            return await waiting
        finally:
            self._idle_loops.discard(task)
