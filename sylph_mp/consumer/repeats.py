"""Sends the polls again that the slot's last process had outstanding at ordered topics. Runs on the loop thread.

With the attempt id of the dead process the broker gives what was on the wire to it at once: without, its queues stay
locked for a lease. What the broker (rocketmq 5.5.0) makes of an attempt id decides how it is used here:

- A poll takes from all queues that are open to it, in any order, and one answer holds so many: what was on the wire may
  come after other messages. And acks may have been void without a word, so that the same comes once more. So the same
  id is used again, until an answer is empty.
- Whatever is held under the id would come once more, and its first handles would be void; of a queue for which there is
  not enough room in the answer, those of the rest as well: nobody holds that then, and the queue opens for others when
  what did come is acked. So the next poll waits until all that came with the id is settled.
- What is contested (`sylph_mp.consumer.asking`) is handed back, and nothing asked for again before the dead process's
  poll is gone.
- What is acked stays in the in-flight table, as done, until an answer shows that the broker knows: if this process dies
  as well, the next one does not run it again either.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic_ns

from sylph_mp.consumer.asking import GONE_NS, Answer, Asking
from sylph_mp.consumer.background import Background
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.poll_lines import PollLines
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.errors import BrokerError
from sylph_mp.ports import Received
from sylph_mp.shm.polls import Poll, PollState
from sylph_mp.shm.table import EntryOutcome

ACK_AGAIN_AFTER_S = 0.25

#: Where a message lies, and which it is.
Place = tuple[tuple[str, int], int, str]


class Repeat:
    """One poll of the dead process."""

    def __init__(
        self, poll: Poll, asking: Asking, subscription: Subscription, buffer: Buffer, adopted: Sequence[Delivery]
    ) -> None:
        self.asking = asking
        self._subscription = subscription
        self._buffer = buffer
        self._attempt_id = poll.attempt_id
        self._known: dict[Place, Delivery] = {}
        """All that may come once more."""
        self._keep(adopted)
        self._held = list(adopted) if poll.state is PollState.TO_REPEAT else []
        """What came with the attempt id and is not settled yet."""
        self._open_ns = poll.asked_ns + GONE_NS + subscription.lease_ns
        """From then on no lease can be left."""
        self._rests_ns = 0
        """Nothing is to be asked before."""

    @property
    def held(self) -> Sequence[Delivery]:
        self._held = [delivery for delivery in self._held if not (delivery.settled or delivery.acked)]
        return self._held

    @property
    def rest_s(self) -> float:
        """For how long it should not be asked yet, once all that is held is settled."""
        return max(0.0, (self._rests_ns - monotonic_ns()) / 1e9)

    async def answered(self) -> bool:
        """Ask once, and take what comes; whether there may be more. Stays unanswered when quiet."""
        if self._buffer.free_entries < MAX_BATCH:
            self.let_go()
        answer = await self.asking.answered(self._attempt_id)
        if answer is None:
            return False
        self._forget_before(answer.received)
        again = [received for received in answer.received if self._knows(received)]
        fresh = [received for received in answer.received if not self._knows(received)]
        done = self._renew(again)
        self._hold(self.asking.take(Answer(answer.batch, fresh, answer.contested)))
        if answer.contested:
            self._rests_ns = self.asking.gone_ns
        if done:
            await self._ack_once_more(done)
        return bool(answer.received) and monotonic_ns() < self._open_ns

    def let_go(self) -> None:
        """Keep nothing of what is acked in the table any more."""
        self._let_go(self._known.values())

    def _let_go(self, deliveries: Iterable[Delivery]) -> None:
        acked = []
        for delivery in deliveries:
            delivery.kept = False
            if delivery.acked and not delivery.settled:
                acked.append(delivery)
        self._buffer.release(acked)

    def _keep(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            delivery.kept = True
            self._known[_place_of(delivery.source)] = delivery

    def _forget_before(self, received: Sequence[Received]) -> None:
        """A queue is popped from its first message on that is not acked: the broker knows what is before that."""
        first: dict[tuple[str, int], int] = {}
        for each in received:
            first[each.queue] = min(each.offset, first.get(each.queue, each.offset))
        before = [place for place in self._known if place[1] < first.get(place[0], 0)]
        self._let_go([self._known.pop(place) for place in before])

    def _knows(self, received: Received) -> bool:
        """What was lost or handed back before it was done is a message like any other."""
        delivery = self._known.get(_place_of(received))
        return delivery is not None and (not delivery.settled or _is_done(delivery))

    def _hold(self, deliveries: Sequence[Delivery]) -> None:
        self._keep(deliveries)
        self._held += deliveries

    def _renew(self, again: Sequence[Received]) -> list[Received]:
        """Take the new handles of what is still here; returns what is done and gone from here."""
        lease_ns = monotonic_ns() + self._subscription.lease_ns
        done = []
        for received in again:
            delivery = self._known[_place_of(received)]
            if delivery.settled or delivery.acked:
                done.append(received)
                continue
            self._buffer.extend(delivery, received.handle, lease_ns)
            if delivery not in self._held:
                self._held.append(delivery)
        return done

    async def _ack_once_more(self, done: Sequence[Received]) -> None:
        session, entries = self._subscription.session, [(received.id, received.handle) for received in done]
        try:
            await session.ack(self._subscription.name, entries)
        except BrokerError:
            await self.asking.idle(asyncio.sleep(ACK_AGAIN_AFTER_S, 0))  # all of them come once more


def _place_of(received: Received) -> Place:
    return received.queue, received.offset, received.id


def _is_done(delivery: Delivery) -> bool:
    return delivery.result is not None and delivery.result.outcome in (EntryOutcome.ACK, EntryOutcome.DEAD_LETTER)


class Repeats:
    def __init__(
        self,
        *,
        intake: Intake,
        buffer: Buffer,
        lines: PollLines,
        background: Background,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`pause` waits so many seconds before a poll is asked again."""
        self._intake = intake
        self._buffer = buffer
        self._lines = lines
        self._background = background
        self._pause = pause
        self._repeats: list[Repeat] = []
        self._changed = asyncio.Event()

    def adopt(self, subscription: Subscription, poll: Poll, adopted: Sequence[Delivery]) -> None:
        """To be repeated; `adopted` are the deliveries of its topic that the dead process held."""
        asking = Asking(subscription=subscription, intake=self._intake, line=self._lines.adopt(poll), earlier=poll)
        self._repeats.append(Repeat(poll, asking, subscription, self._buffer, adopted))

    def start(self) -> None:
        """To be called when the sessions are open, and before others poll."""
        for repeat in self._repeats:
            self._background.run(self._run(repeat))

    def quiet(self) -> None:
        """What is not over stays noted, for the next process of the slot."""
        for repeat in self._repeats:
            repeat.asking.quiet()
            repeat.let_go()

    @property
    def polling(self) -> bool:
        return any(repeat.asking.polling for repeat in self._repeats)

    def settled(self, _of: Subscription) -> None:
        """Deliveries were forgotten."""
        self._changed.set()

    async def _run(self, repeat: Repeat) -> None:
        more = True
        while more:
            await repeat.asking.idle(self._rest(repeat))
            more = await repeat.answered()
            self._intake.room()
        if not repeat.asking.is_quiet:
            self._repeats.remove(repeat)
            repeat.let_go()
            self._lines.give_back(repeat.asking.line)
            self._intake.room()

    async def _rest(self, repeat: Repeat) -> int:
        """Until what came is settled, and it may be asked again."""
        while repeat.held:
            self._changed.clear()
            await self._changed.wait()
        if repeat.rest_s:
            await self._pause(repeat.rest_s)
        return 0
