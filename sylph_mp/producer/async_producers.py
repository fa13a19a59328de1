"""The library for programs on asyncio: the same producers, whose calls are awaited, on the program's own loop.

    async with AsyncProducers("127.0.0.1:8081") as producers:
        await producers.normal("orders").send(Order(...), tag="paid", keys=["o-17"])

Works on uvloop and on the standard loop; to be made in the process and on the loop that use it.
"""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, Self, Unpack

from sylph_mp.api.outgoing_fields import HalfFields, OutgoingFields
from sylph_mp.clock import Clock, SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.config.schema import Producers as Settings
from sylph_mp.errors import SaturatedError
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.producer.encoding import Encoded, Kind
from sylph_mp.producer.new_encoder import new_encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.producer.outlet import Receipt
from sylph_mp.producer.producers import CLOSE_S, instance_of, refuse_disorder
from sylph_mp.producer.publisher import Publisher
from sylph_mp.producer.results import encode, encode_many, in_order, stored_or_dropped
from sylph_mp.producer.tally import LaneSnapshot
from sylph_mp.producer.transactions import Checker, answer_by

#: Messages that are encoded before others have their turn on the loop.
_CHUNK = 256


class AsyncProducers:
    """`endpoints` are `host:port` of the proxies, with `;` between, or a whole Instance."""

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

    def encode(self, kind: Kind, outgoing: Outgoing) -> Encoded:
        """For a producer of that kind. Raises OutgoingError."""
        return encode(self._encoder, outgoing, self._clock.time(), kind)

    async def hand_over(self, encoded: Encoded) -> "asyncio.Future[Receipt]":
        """To the publisher, as the saturation policy says; the future gets the receipt. Raises SaturatedError."""
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        take = partial(_set, receipt)
        if self._publisher.submit(encoded, take):
            return receipt
        policy = self._settings.saturation
        if policy == "drop_newest":
            self.dropped += 1
            take(Receipt(encoded.id, SaturatedError("dropped: the queue was full")))
        elif policy == "caller_runs":
            take(await self._publisher.send_now(encoded))
        elif policy == "raise":
            raise SaturatedError("queue is full")
        else:
            if policy == "drop_oldest":
                self._publisher.drop_oldest(encoded.topic, encoded.kind)
            await self._wait_for_room(encoded, receipt)
        return receipt

    async def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None:
        await self._publisher.end_transaction(topic, half, commit=commit)

    async def _wait_for_room(self, encoded: Encoded, receipt: "asyncio.Future[Receipt]") -> None:
        try:
            async with asyncio.timeout(self._settings.block_s):
                while not self._publisher.submit(encoded, partial(_set, receipt)):
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
        receipt = await self._producers.hand_over(self._producers.encode(self._kind, outgoing))
        return stored_or_dropped(await receipt)

    async def send_many(self, messages: Iterable[Any]) -> list[Receipt]:
        """A receipt for each message, in their order; raises for none of them.

        A message is an Outgoing of this topic, or a payload.
        """
        encoded, refused = encode_many(messages, self.topic, partial(self._producers.encode, self._kind))
        receipts = {}
        waiting: dict[str, asyncio.Future[Receipt]] = {}
        for place, one in enumerate(encoded):
            try:
                waiting[one.id] = await self._producers.hand_over(one)
            except SaturatedError as full:
                receipts[one.id] = Receipt(one.id, full)
            if place % _CHUNK == _CHUNK - 1:
                await asyncio.sleep(0)
        for message_id, receipt in waiting.items():
            receipts[message_id] = await receipt
        return in_order(receipts, encoded, refused)


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


def _set(receipt: "asyncio.Future[Receipt]", result: Receipt) -> None:
    if not receipt.done():
        receipt.set_result(result)
