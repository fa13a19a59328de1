"""Sends the messages of one topic and kind: units from its queue, several at once, each until it is answered.

On the loop thread of who sends.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.errors import BrokerError, NotSentError, TransportError
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Kind
from sylph_mp.producer.outlet import Answer, OnAnswer
from sylph_mp.producer.pace import Pace
from sylph_mp.producer.retries import Again, Fail, Failure, Halve, Rules, is_unknown, judge
from sylph_mp.producer.send_queues import Pending, SendQueue
from sylph_mp.producer.tally import LaneSnapshot, Tally
from sylph_mp.rocketmq.publishing_session import Stored

Unit = list[Pending]
_AT = attrgetter("at")


class Sender(Protocol):
    async def send(self, request: bytes, *, group: str = "") -> Stored: ...


class Address(Struct, frozen=True):
    """What the messages of a lane have in common."""

    topic: str
    kind: Kind


class Lane:
    """`open_session` is asked before each request, `on_settled` told of messages before they are answered.

    `pause` waits so many seconds between two tries.
    """

    def __init__(
        self,
        address: Address,
        *,
        open_session: Callable[[], Awaitable[Sender]],
        on_settled: Callable[[Unit], None],
        queue: SendQueue,
        pace: Pace,
        rules: Rules,
        clock: Clock,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.address = address
        self.tally = Tally(clock)
        self.used_at = clock.monotonic()
        self._open_session = open_session
        self._on_settled = on_settled
        self._queue = queue
        self._pace = pace
        self._rules = rules
        self._clock = clock
        self._pause = pause
        self._loop = asyncio.get_running_loop()
        self._sending: dict[asyncio.Task[None], Unit] = {}
        self._waking: asyncio.Handle | None = None
        self._soon = False
        self._abandoned = False

    @property
    def is_empty(self) -> bool:
        return not self._queue and not self._sending

    def put(self, bundle: Bundle, on_answer: OnAnswer) -> None:
        if not self._soon:  # what comes in one turn of the loop goes together, and has one time
            self.used_at = self._clock.monotonic()
            self._wake_soon()
        self._queue.put(Pending(bundle, on_answer, self.used_at))

    def drop_oldest(self) -> Pending | None:
        dropped = self._queue.drop_oldest()
        if dropped is not None:
            self.tally.dropped += 1
        return dropped

    async def abandon(self) -> None:
        """Have every message answered now: what is on the wire may have been stored, the rest was not."""
        self._abandoned = True
        tasks = list(self._sending)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._waking is not None:
            self._waking.cancel()
        while (pending := self._queue.drop_oldest()) is not None:
            self._fail(Attempt([pending]), NotSentError("closed before it was sent"))

    def snapshot(self) -> LaneSnapshot:
        tally, pace = self.tally, self._pace
        p50, p99 = tally.latencies()
        return LaneSnapshot(
            topic=self.address.topic,
            kind=self.address.kind.name.lower(),
            queued=len(self._queue),
            in_flight=sum(map(messages_in, self._sending.values())),
            requests=len(self._sending),
            stored=tally.stored,
            batches=tally.batches,
            batch_size=tally.stored / tally.batches if tally.batches else None,
            retries=tally.retries,
            failures=tally.failures,
            unknown=tally.unknown,
            dropped=tally.dropped,
            latency_p50_s=p50,
            latency_p99_s=p99,
            rate_per_s=tally.rate_per_s(),
            linger_s=pace.linger_s,
            batch_bytes=pace.batch_bytes,
            in_flight_limit=pace.in_flight,
            why=pace.why,
            error=tally.error,
        )

    def _wake_soon(self) -> None:
        if not self._soon:
            self._soon = True
            if self._waking is not None:
                self._waking.cancel()
            self._waking = self._loop.call_soon(self._begin_what_may)

    def _begin_what_may(self) -> None:
        self._soon = False
        self._waking = None
        while self._queue and len(self._sending) < self._pace.in_flight and not self._abandoned:
            left_s = self._linger_left_s()
            if left_s > 0:
                self._waking = self._loop.call_later(left_s, self._begin_what_may)
                return
            unit = self._queue.take(self._pace.batch_bytes)
            if not unit:
                return
            task = self._loop.create_task(self._send(unit))
            self._sending[task] = unit
            task.add_done_callback(self._end)

    def _linger_left_s(self) -> float:
        since = self._queue.waits_for_more(self._pace.batch_bytes)
        linger_s = self._pace.linger_s if self._sending else self._pace.least_linger_s
        if since is None or not linger_s:
            return 0.0
        return since + linger_s - self._clock.monotonic()

    def _end(self, task: "asyncio.Task[None]") -> None:
        unit = self._sending.pop(task)
        self._queue.done(unit)
        self.used_at = self._clock.monotonic()
        if not task.cancelled():
            task.result()
        self._wake_soon()

    async def _send(self, unit: Unit) -> None:
        """Until every message of the unit is answered."""
        left = [Attempt(unit)]
        try:
            while left:
                left += await self._try(left.pop())
        except BaseException:
            for attempt in left:
                self._fail(attempt, NotSentError("closed before it was sent"))
            raise

    async def _try(self, attempt: "Attempt") -> list["Attempt"]:
        """One request, and the wait for the next; returns what is still to be tried."""
        unit = attempt.unit
        error: BrokerError = NotSentError("closed before it was sent")
        started_at = self._clock.monotonic()
        full = bool(self._queue)  # what still waits had no room in it
        try:
            session = await self._open_session()
            error = TransportError("closed before the answer came")
            stored = await session.send(_request_of(unit), group=unit[0].bundle.group)
        except BrokerError as failed:
            error = failed
        except asyncio.CancelledError:
            self._fail(attempt, error)
            raise
        except Exception as defect:  # told by the loop; nobody is left waiting for it
            self._fail(attempt, type(error)(f"{type(defect).__name__}: {defect}"))
            raise
        else:
            self._pace.answered(self._clock.monotonic() - started_at, full=full, more_waits=bool(self._queue))
            self._store(unit, stored)
            return []
        return await self._after(attempt, error)

    async def _after(self, attempt: "Attempt", error: BrokerError) -> list["Attempt"]:
        self.tally.error = str(error)
        attempt.tries += 1
        attempt.sent += not isinstance(error, NotSentError)
        age_s = self._clock.monotonic() - attempt.unit[0].at
        failure = Failure(
            error=error,
            tries=attempt.tries,
            sent=attempt.sent,
            messages=messages_in(attempt.unit),
            age_s=age_s,
            topic_known=self.tally.stored > 0 or attempt.tries > 1,
        )
        match judge(failure, rules=self._rules, random=random.random):
            case Fail():
                self._fail(attempt, error)
                return []
            case Halve():
                return attempt.halves()
            case Again(after_s=wait_s):
                self.tally.retries += 1
                self._pace.refused(str(error))
                attempt.unknown = attempt.unknown or is_unknown(error)
                try:
                    await self._pause(wait_s)
                except asyncio.CancelledError:
                    self._fail(attempt, error)
                    raise
        return [attempt]

    def _store(self, unit: Unit, stored: Stored) -> None:
        """One answer stands for all; the offsets of a batch follow each other."""
        self.tally.error = None
        self.tally.batches += 1
        self.tally.stored += messages_in(unit)
        self._on_settled(unit)
        now = self._clock.monotonic()
        for at, together in groupby(unit, key=_AT):
            self.tally.count_latency(now - at, messages_in(together))
        offset, broker, transaction_id = stored.offset, stored.broker, stored.transaction_id
        for pending in unit:
            bundle = pending.bundle
            count = bundle.count
            pending.on_answer(Answer(bundle.first, count, None, False, offset, broker, transaction_id))
            offset += count

    def _fail(self, attempt: "Attempt", error: BrokerError) -> None:
        unknown = attempt.unknown or is_unknown(error)
        count = messages_in(attempt.unit)
        self.tally.failures += count
        self.tally.unknown += count if unknown else 0
        self._on_settled(attempt.unit)
        for pending in attempt.unit:
            pending.on_answer(Answer(pending.bundle.first, pending.bundle.count, error, unknown))


class Attempt:
    """A unit, or a part of one, on its way: its tries, how many went out, and whether one may have stored it."""

    __slots__ = ("sent", "tries", "unit", "unknown")

    def __init__(self, unit: Unit, *, tries: int = 0, sent: int = 0, unknown: bool = False) -> None:
        self.unit = unit
        self.tries = tries
        self.sent = sent
        self.unknown = unknown

    def halves(self) -> list["Attempt"]:
        """The first one last, because it is tried next."""
        unit = self.unit if len(self.unit) > 1 else self.unit[0].cut(self.unit[0].bundle.count // 2)
        middle = len(unit) // 2
        parts = (unit[middle:], unit[:middle])
        return [Attempt(list(part), tries=self.tries, sent=self.sent, unknown=self.unknown) for part in parts]


def messages_in(unit: Iterable[Pending]) -> int:
    return sum([pending.bundle.count for pending in unit])


def _request_of(unit: Unit) -> bytes:
    """An encoded SendMessageRequest: its messages' parts, one after the other."""
    parts = [pending.bundle.parts for pending in unit]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], bytes) else b"".join(parts)
