"""Sends the polls again that the slot's last process had outstanding at ordered topics. Runs on the loop thread.

With the attempt id of the dead process the broker gives what was on the wire to it at once: without, its queues stay
locked for a lease. What the broker (rocketmq 5.5.0) makes of an attempt id decides how it is used here:

- A poll takes from all queues that are open to it, in any order, and one answer holds so many: what was on the wire may
  come after other messages. And acks may have been void without a word, so that the same comes once more. So the same
  id is used again, until an answer is empty.
- Whatever is held under the id would come once more, and its first handles would be void: the next poll waits until
  all that came with the id is settled.
- The dead process's poll may still be waiting in the broker, for as long as a poll lasts. It takes a batch then which
  nobody gets (open again after 1 s), and in a bad moment the one that was just given to us, whose handles are void
  then. So as long as it may be there, an answer is left and asked for once more, and what comes then is taken; the last
  poll is one that was sent when the other was gone.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic_ns

from sylph_mp.consumer.asking import Answer, Asking
from sylph_mp.consumer.background import Background
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.poll_lines import PollLines
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.ports import POLL_S
from sylph_mp.shm.polls import Poll, PollState

#: How long after its request a poll may still wait in the broker.
GONE_S = POLL_S + 1.0
#: A poll that is woken takes its batch some milliseconds later.
AGAIN_AFTER_S = 0.05


class Repeat:
    """One poll of the dead process."""

    def __init__(self, poll: Poll, asking: Asking, subscription: Subscription, held: Sequence[Delivery]) -> None:
        self.asking = asking
        self.held = held
        """What has come with the attempt id so far."""
        self._attempt_id = poll.attempt_id
        self._gone_ns = poll.asked_ns + int(GONE_S * 1e9)
        self._open_ns = self._gone_ns + subscription.lease_ns
        """From then on no lease can be left."""

    async def answered(self) -> bool:
        """Ask once, and hold what comes; whether there may be more. Stays unanswered when quiet."""
        asked_ns = monotonic_ns()
        answer = await self._answer()
        if answer is None:
            return False
        self.held = self.asking.take(answer)
        return (bool(answer.received) or asked_ns <= self._gone_ns) and asked_ns < self._open_ns

    async def _answer(self) -> Answer | None:
        answer = await self.asking.answered(self._attempt_id)
        if answer is None or not answer.received or monotonic_ns() > self._gone_ns:
            return answer
        self.asking.leave(answer)
        await self.asking.idle(asyncio.sleep(AGAIN_AFTER_S, 0))
        return await self.asking.answered(self._attempt_id)


class Repeats:
    def __init__(self, *, intake: Intake, lines: PollLines, background: Background) -> None:
        self._intake = intake
        self._lines = lines
        self._background = background
        self._repeats: list[Repeat] = []
        self._changed = asyncio.Event()

    def adopt(self, subscription: Subscription, poll: Poll, held: Sequence[Delivery]) -> None:
        """To be repeated; `held` are the adopted deliveries of its topic."""
        asking = Asking(subscription=subscription, intake=self._intake, line=self._lines.adopt(poll))
        came_with_it = held if poll.state is PollState.TO_REPEAT else ()
        self._repeats.append(Repeat(poll, asking, subscription, came_with_it))

    def start(self) -> None:
        """To be called when the sessions are open, and before others poll."""
        for repeat in self._repeats:
            self._background.run(self._run(repeat))

    def quiet(self) -> None:
        """What is not over stays noted, for the next process of the slot."""
        for repeat in self._repeats:
            repeat.asking.quiet()

    @property
    def polling(self) -> bool:
        return any(repeat.asking.polling for repeat in self._repeats)

    def settled(self, _of: Subscription) -> None:
        """Deliveries were forgotten."""
        self._changed.set()

    async def _run(self, repeat: Repeat) -> None:
        more = True
        while more:
            await repeat.asking.idle(self._all_settled(repeat.held))
            more = await repeat.answered()
        if not repeat.asking.is_quiet:
            self._repeats.remove(repeat)
            self._lines.give_back(repeat.asking.line)

    async def _all_settled(self, deliveries: Sequence[Delivery]) -> int:
        while not all(delivery.settled for delivery in deliveries):
            self._changed.clear()
            await self._changed.wait()
        return len(deliveries)
