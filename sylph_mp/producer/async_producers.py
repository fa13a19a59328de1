"""The library for programs on asyncio: the same producers, whose calls are awaited, on the program's own loop.

    async with AsyncProducers("127.0.0.1:8081") as producers:
        await producers.normal("orders").send(Order(...), tag="paid", keys=["o-17"])

Works on uvloop and on the standard loop; to be made in the process and on the loop that use it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self, Unpack

from sylph_mp.api.outgoing_fields import HalfFields, OutgoingFields
from sylph_mp.clock import Clock, SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.config.schema import Producers as Settings
from sylph_mp.errors import SaturatedError
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Encoded, Kind
from sylph_mp.producer.new_encoder import new_encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.producer.outlet import Answer, OnAnswer, Receipt
from sylph_mp.producer.producers import CLOSE_S, instance_of, refuse_disorder
from sylph_mp.producer.publisher import Publisher
from sylph_mp.producer.results import CHUNK, bundles_of, encode, encode_many, in_order, receipts_of, stored_or_dropped
from sylph_mp.producer.tally import LaneSnapshot
from sylph_mp.producer.transactions import Checker, answer_by


class AsyncProducers:
    """`endpoints` are `host:port` of the proxies, with `;` between, or a whole Instance.

    Raises UsageError if one is no `host:port`.
    """

    def __init__(
        self,
        endpoints: str | Instance,
        *,
        settings: Settings = Settings(),  # noqa: B008  frozen
        checker: Checker | None = None,
        clock: Clock | None = None,
    ) -> None:
        instance = instance_of(endpoints)
        self.dropped = 0
        self._settings = settings
        self._clock = clock or SystemClock()
        self._encoder = new_encoder(instance.namespace)
        self._publisher = Publisher(
            instance,
            settings,
            clock=self._clock,
            on_orphan=answer_by(checker, Log("producers")) if checker else None,
            on_limits=self._set_limits,
        )

    def normal(self, topic: str) -> "AsyncProducer":
        """Also for messages with a `priority`, which need a topic of that type."""
        return AsyncProducer(self, topic, Kind.NORMAL)

    def fifo(self, topic: str) -> "AsyncProducer":
        """Every message needs a `group`. Raises UsageError where the policy is `caller_runs`: that breaks the order."""
        refuse_disorder(self._settings)
        return AsyncProducer(self, topic, Kind.FIFO)

    def delay(self, topic: str) -> "AsyncProducer":
        """Every message needs `deliver_at` or `deliver_after_s`."""
        return AsyncProducer(self, topic, Kind.DELAY)

    def transaction(self, topic: str) -> "AsyncTransactionProducer":
        return AsyncTransactionProducer(self, topic)

    def snapshot(self) -> list[LaneSnapshot]:
        """A row for each topic and kind that was sent to lately."""
        return self._publisher.snapshot()

    async def close(self, timeout_s: float = CLOSE_S) -> None:
        """Send what was handed over; what is not stored by then gets a receipt that says so."""
        await self._publisher.close(Deadline.after(timeout_s, self._clock))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def encoding(self, kind: Kind) -> Callable[[Outgoing], Encoded]:
        """For a producer of that kind; what is returned raises OutgoingError."""
        return partial(encode, self._encoder, self._clock, kind)

    async def hand_over(self, bundle: Bundle, messages: Sequence[Encoded], on_answer: OnAnswer) -> None:
        """To the publisher, as the saturation policy says; `messages` are those of the bundle. Each is answered."""
        room = self._publisher.room
        fits = bundle.count <= room.messages and bundle.size <= room.size
        if fits and self._publisher.submit_bundle(bundle, on_answer):
            return
        for place, message in enumerate(messages, bundle.first):
            try:
                await self.hand_over_one(Bundle.of((message,), place), message, on_answer)
            except SaturatedError as full:
                on_answer(Answer(place, 1, full))

    async def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None:
        await self._publisher.end_transaction(topic, half, commit=commit)

    async def hand_over_one(self, bundle: Bundle, message: Encoded, on_answer: OnAnswer) -> None:
        """The same for a single one. Raises SaturatedError, and then does not answer."""
        if self._publisher.submit_bundle(bundle, on_answer):
            return
        policy = self._settings.saturation
        if policy == "drop_newest":
            self.dropped += 1
            on_answer(Answer(bundle.first, 1, SaturatedError("dropped: the queue was full")))
        elif policy == "caller_runs":
            on_answer(await self._publisher.send_now(message, bundle.first))
        elif policy == "raise":
            raise SaturatedError("queue is full")
        else:
            if policy == "drop_oldest":
                self._publisher.drop_oldest(message.topic, message.kind)
            await self._wait_for_room(bundle, on_answer)

    async def _wait_for_room(self, bundle: Bundle, on_answer: OnAnswer) -> None:
        try:
            async with asyncio.timeout(self._settings.block_s):
                while not self._publisher.submit_bundle(bundle, on_answer):
                    room = asyncio.Event()
                    self._publisher.when_room(room.set)
                    await room.wait()
        except TimeoutError:
            raise SaturatedError(f"queue is full for {self._settings.block_s:g} s") from None

    def _set_limits(self, limits: Limits) -> None:
        self._encoder.limits = limits


class AsyncProducer:
    """Of one topic and kind. Cheap to make; any number of tasks may share it."""

    def __init__(self, producers: AsyncProducers, topic: str, kind: Kind) -> None:
        self.topic = topic
        self._producers = producers
        self._kind = kind

    async def send(self, payload: Any, **fields: Unpack[OutgoingFields]) -> Receipt:
        """Returns when the message is stored, or was dropped by the policy, which the receipt's `error` says.

        Raises OutgoingError, SaturatedError, or BrokerError; after its TransportError it may have been stored.
        A task that is cancelled meanwhile leaves the message to be sent.
        """
        outgoing = Outgoing(topic=self.topic, payload=payload, **fields)
        encoded = self._producers.encoding(self._kind)(outgoing)
        gathered = _Gathered((encoded.id,))
        await self._producers.hand_over_one(Bundle.of((encoded,)), encoded, gathered.take)
        return stored_or_dropped((await gathered.receipts())[0])

    async def send_many(self, messages: Iterable[Any]) -> list[Receipt]:
        """A receipt for each message, in their order; raises for none of them.

        A message is an Outgoing of this topic, or a payload.
        """
        encoded, refused = encode_many(messages, self.topic, self._producers.encoding(self._kind))
        gathered = _Gathered([one.id for one in encoded])
        for start in range(0, len(encoded), CHUNK):
            for bundle in bundles_of(encoded[start : start + CHUNK], start):
                messages = encoded[bundle.first : bundle.first + bundle.count]
                await self._producers.hand_over(bundle, messages, gathered.take)
            await asyncio.sleep(0)
        return in_order(await gathered.receipts(), refused)


class AsyncTransactionProducer:
    """Messages that are delivered only if local work was done."""

    def __init__(self, producers: AsyncProducers, topic: str) -> None:
        self.topic = topic
        self._producers = producers

    def transaction(self) -> "AsyncTransaction":
        """To be used by `async with`: commits at its end, rolls back if that is an exception."""
        return AsyncTransaction(self._producers, self.topic)


class AsyncTransaction:
    """Half messages, which nobody receives before the commit."""

    def __init__(self, producers: AsyncProducers, topic: str) -> None:
        self._producers = producers
        self._sender = AsyncProducer(producers, topic, Kind.TRANSACTION)
        self._halves: list[Receipt] = []

    async def send(self, payload: Any, **fields: Unpack[HalfFields]) -> Receipt:
        """Raises as `AsyncProducer.send` does."""
        half = await self._sender.send(payload, **fields)
        if half.error is None:
            self._halves.append(half)
        return half

    async def commit(self) -> None:
        """Deliver what was sent, one after the other. Raises BrokerError: the server asks about those left."""
        await self._end(commit=True)

    async def roll_back(self) -> None:
        """Drop what was sent."""
        await self._end(commit=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._end(commit=kind is None)

    async def _end(self, *, commit: bool) -> None:
        while self._halves:
            await self._producers.end_transaction(self._sender.topic, self._halves[0], commit=commit)
            del self._halves[0]


class _Gathered:
    """Waits for what becomes of many messages."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._missing = len(ids)
        self._answers: list[Answer] = []
        self._all: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, answer: Answer) -> None:
        self._answers.append(answer)
        self._missing -= answer.count
        if not self._missing and not self._all.done():
            self._all.set_result(None)

    async def receipts(self) -> list[Receipt]:
        """In the order of the ids, once all are there."""
        if self._missing:
            await self._all
        return receipts_of(self._answers, self._ids)
