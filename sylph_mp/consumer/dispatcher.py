"""Brings deliveries to where they run, and their results to where they are settled. Runs on the loop thread.

    received ──► lanes (FIFO group) ─┐    (rate)
             ──► batching ───────────┼──► WorkerPool or AsyncCalls ──► finished ──► (offset order) ──► settle
             ────────────────────────┘                                  │  ▲ └──► again, in its lane (FIFO Retry)
                                                              hold, with outputs  sent

A Retry in a FIFO group waits here and not at the broker: what the broker takes back of an ordered queue takes all
behind it along, finished or not, and its attempt counts are wrong there (rocketmq 5.5.0).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from time import monotonic_ns

from sylph_mp.consumer.batching import Batching
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.counting import count
from sylph_mp.consumer.delivery import EXPIRED, Delivery
from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.lanes import Lanes
from sylph_mp.consumer.offset_order import OffsetOrder
from sylph_mp.consumer.outputs import Output
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.turnstile import Turnstile


class Dispatcher:
    def __init__(
        self,
        *,
        stage: Turnstile,
        buffer: Buffer,
        settle: Callable[[Iterable[Delivery]], None],
        hold: Callable[[Call, Sequence[Output]], None],
        resume: Callable[[Call, range], None],
        refused: Callable[[Call, str], None],
    ) -> None:
        """`hold` sends the outputs of a call, `resume` waits for those of a dead process.

        Both end in `self.stored` or `self.refused`; then `refused` decides anew about the call.
        """
        self._stage = stage
        self._buffer = buffer
        self._settle = settle
        self._hold = hold
        self._resume = resume
        self._decide_anew = refused
        self._lanes = Lanes()
        self._order = OffsetOrder()
        self._batching: dict[str, Batching] = {}
        self._resting: dict[int, tuple[asyncio.TimerHandle, Call]] = {}
        """FIFO calls that wait for their retry, by the entry of their first delivery."""
        self._suspects: set[int] = set()
        """Entries of deliveries that are to run alone."""

    def add(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        subscription.stats.pending += len(deliveries)
        if subscription.fifo:
            for delivery in deliveries:
                self._order.add(delivery)
            self._submit(self._lanes.add(deliveries))
        elif subscription.handler.takes_list:
            self._batching_of(subscription).add(deliveries)
        else:
            self._submit([[delivery] for delivery in deliveries])

    def adopt(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """Go on with what a dead process left, in the order of the broker; finished ones are settled, not run."""
        self._suspects.update(delivery.index for delivery in deliveries if delivery.suspect)
        resting = [delivery for delivery in deliveries if delivery.rests]
        held = [delivery for delivery in deliveries if delivery.numbers]
        done = [each for each in deliveries if each.result is not None and not (each.numbers or each.rests)]
        if subscription.fifo:
            for delivery in deliveries:
                self._order.add(delivery)
            for delivery in done:
                self._settle(self._order.ready(delivery))
            self._lanes.begun(held + resting)
        else:
            self._settle(done)
        self._adopt_held(held)
        for delivery in resting:
            self._rest([delivery])
        waiting = [delivery for delivery in deliveries if delivery.result is None]
        subscription.stats.pending += len(waiting)
        if subscription.fifo:
            self._submit(self._lanes.add(waiting))
            return
        suspects = [[delivery] for delivery in waiting if delivery.suspect]
        self._submit(suspects)
        others = [delivery for delivery in waiting if not delivery.suspect]
        if subscription.handler.takes_list:
            self._batching_of(subscription).add(others)
        else:
            self._submit([[delivery] for delivery in others])

    def _adopt_held(self, deliveries: list[Delivery]) -> None:
        """They have succeeded, and wait for the receipts of what they sent; their lanes wait with them."""
        calls: dict[range, Call] = {}
        for delivery in deliveries:
            calls.setdefault(delivery.numbers, []).append(delivery)
        for numbers, call in calls.items():
            self._resume(call, numbers)

    def finished(self, calls: Sequence[Call]) -> None:
        """These calls are over; every delivery of them has its result."""
        self._stage.ended(calls)
        if self._suspects:
            self._suspects.difference_update(delivery.index for call in calls for delivery in call)
        for subscription, its in groupby(calls, _subscription_of):
            self._finished_of(subscription, list(its))

    def _finished_of(self, subscription: Subscription, calls: Sequence[Call]) -> None:
        sending = count(subscription.stats, calls)
        if sending:
            for call in sending:
                held = [delivery for delivery in call if delivery.outputs]
                self._hold(held, held[0].outputs)
            calls = [rest for call in calls if (rest := [delivery for delivery in call if not delivery.outputs])]
        self._conclude(subscription, calls)

    def stored(self, calls: Sequence[Call]) -> None:
        """All outputs of these calls were stored; the same for calls of a dead process."""
        self._buffer.finish([delivery for call in calls for delivery in call])
        for subscription, its in groupby(calls, _subscription_of):
            self._conclude(subscription, list(its))

    def refused(self, call: Call, reason: str) -> None:
        """One of its outputs was refused."""
        subscription = call[0].subscription
        self._decide_anew(call, reason)
        for delivery in call:
            assert delivery.result is not None
            assert delivery.result.failure is not None
            subscription.stats.fail(delivery.result.failure, raised=True)
        self._buffer.finish(call)
        self._conclude(subscription, [call])

    def _conclude(self, subscription: Subscription, calls: Sequence[Call]) -> None:
        """What these deliveries have come to is certain."""
        if not subscription.fifo:
            self._settle([delivery for call in calls for delivery in call])
            return
        for call in calls:
            self._conclude_ordered(subscription, call)

    def _conclude_ordered(self, subscription: Subscription, call: Call) -> None:
        again = [delivery for delivery in call if delivery.rests]
        if any(delivery.result is EXPIRED for delivery in call):
            self._lose_behind(call[0])
        for delivery in call:
            if not delivery.rests:
                self._pass_on(delivery)
        if again:
            subscription.stats.retried += len(again)
            self._rest(again)

    def withdraw(self) -> list[Delivery]:
        """Take back what has not begun and may run elsewhere; what is in a lane stays, for its order's sake."""
        taken: list[Delivery] = []
        lanes: list[Call] = []
        for call in self._stage.withdraw():
            if call[0].subscription.fifo:
                lanes.append(call)
            else:
                taken.extend(call)
        for call in lanes:
            self._submit([call])
        for batching in self._batching.values():
            taken.extend(batching.withdraw())
        return self._taken(taken)

    def withdraw_lanes(self) -> list[Delivery]:
        """Take back what has not begun in the lanes, and what waits there for its retry."""
        taken = [delivery for call in self._stage.withdraw() for delivery in call]
        for timer, call in self._resting.values():
            timer.cancel()
            taken.extend(call)
        self._resting.clear()
        taken.extend(self._lanes.withdraw())
        return self._taken(taken)

    def _taken(self, deliveries: list[Delivery]) -> list[Delivery]:
        for delivery in deliveries:
            delivery.subscription.stats.pending -= 1
        return deliveries

    def _submit(self, calls: Sequence[Call]) -> None:
        if not self._suspects:
            self._stage.submit(calls)
            return
        self._stage.submit([call for call in calls if not self._is_suspect(call)])
        for call in calls:
            if self._is_suspect(call):
                self._stage.try_alone(call)

    def _is_suspect(self, call: Call) -> bool:
        return any(delivery.index in self._suspects for delivery in call)

    def _batching_of(self, subscription: Subscription) -> Batching:
        batching = self._batching.get(subscription.name)
        if batching is None:
            batching = self._batching[subscription.name] = Batching(
                size=subscription.handler.batch,
                wait_s=subscription.handler.batch_wait_s,
                emit=lambda batch: self._submit([batch]),
            )
        return batching

    def _pass_on(self, delivery: Delivery) -> None:
        """An ordered delivery is done with: its lane goes on, and it is settled when its turn has come."""
        following = self._lanes.finished(delivery)
        if following:
            self._submit([following])
        self._settle(self._order.ready(delivery))

    def _lose_behind(self, lost: Delivery) -> None:
        """What waits behind it in its lane must not run before it: the broker delivers it again, and all of these."""
        for delivery in self._taken(self._lanes.withdraw_behind(lost)):
            delivery.result = EXPIRED
            self._settle(self._order.ready(delivery))

    def _rest(self, call: Call) -> None:
        """Let an ordered call wait for its retry, at the head of its lane."""
        subscription = call[0].subscription
        subscription.stats.pending += len(call)
        after_s = max(delivery.result.after_s for delivery in call if delivery.result is not None)
        timer = asyncio.get_running_loop().call_later(after_s, partial(self._again, call))
        self._resting[call[0].index] = (timer, call)

    def _again(self, call: Call) -> None:
        del self._resting[call[0].index]
        now_ns = monotonic_ns()
        for delivery in call:
            delivery.attempt += 1
            delivery.result = None
            delivery.outputs = ()
            delivery.numbers = range(0)
            delivery.received_ns = now_ns
            delivery.started_ns = 0
            self._buffer.requeue(delivery)
        self._submit([call])


def _subscription_of(call: Call) -> Subscription:
    return call[0].subscription
