"""The library for programs with threads: producers of all kinds for one RocketMQ cluster.

    with Producers("127.0.0.1:8081") as producers:
        producers.normal("orders").send(Order(...), tag="paid", keys=["o-17"])

Called from any thread, and after a fork; what sends runs on a thread of its own, made at the first message.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Self, Unpack

from sylph_mp.api.message import Message
from sylph_mp.api.outgoing_fields import HalfFields, OutgoingFields
from sylph_mp.api.resolution import Resolution
from sylph_mp.clock import Clock, SystemClock
from sylph_mp.config.kinds import Endpoints, UnfitError
from sylph_mp.config.schema import EMBEDDED, Instance
from sylph_mp.config.schema import Producers as Settings
from sylph_mp.errors import SaturatedError, UsageError
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.producer.encoding import Encoded, Kind
from sylph_mp.producer.engine import Collector, Engine, Sends
from sylph_mp.producer.outgoing import Outgoing
from sylph_mp.producer.outlet import Receipt
from sylph_mp.producer.results import encode, encode_many, in_order, stored_or_dropped
from sylph_mp.producer.tally import LaneSnapshot
from sylph_mp.producer.transactions import answer_by
from sylph_mp.rocketmq.publishing_session import OnOrphan

#: Time for what was handed over, when the context ends.
CLOSE_S = 30.0

#: In a thread of its own: says what becomes of a transaction that this program, or another, has not ended.
SyncChecker = Callable[[Message], Resolution]


class Producers:
    """`endpoints` are `host:port` of the proxies, with `;` between, or a whole Instance.

    Raises UsageError if one is no `host:port`.
    """

    def __init__(
        self,
        endpoints: str | Instance,
        *,
        settings: Settings = Settings(),  # noqa: B008  frozen
        checker: SyncChecker | None = None,
        clock: Clock | None = None,
        new_engine: Callable[[], Sends] | None = None,
    ) -> None:
        self._new_engine = new_engine or self._engine_of_its_own
        self._instance = instance_of(endpoints)
        self._settings = settings
        self._checker = checker
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._engines: dict[int, Sends] = {}
        self._closed = False

    def normal(self, topic: str) -> "Producer":
        """Also for messages with a `priority`, which need a topic of that type."""
        return Producer(self, topic, Kind.NORMAL)

    def fifo(self, topic: str) -> "Producer":
        """Every message needs a `group`. Raises UsageError where the policy is `caller_runs`: that breaks the order."""
        refuse_disorder(self._settings)
        return Producer(self, topic, Kind.FIFO)

    def delay(self, topic: str) -> "Producer":
        """Every message needs `deliver_at` or `deliver_after_s`."""
        return Producer(self, topic, Kind.DELAY)

    def transaction(self, topic: str) -> "TransactionProducer":
        return TransactionProducer(self, topic)

    def flush(self, timeout_s: float = CLOSE_S) -> bool:
        """Wait until every message has its receipt; False if some have not by then."""
        engine = self._engines.get(os.getpid())
        return engine.flush(timeout_s) if engine else True

    def snapshot(self) -> list[LaneSnapshot]:
        """A row for each topic and kind that was sent to lately."""
        engine = self._engines.get(os.getpid())
        return engine.snapshot() if engine else []

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Send what was handed over; what is not stored by then gets a receipt that says so."""
        with self._lock:
            self._closed = True
            engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            engine.close(Deadline.after(timeout_s, self._clock))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def engine(self) -> Sends:
        """That of this process: a child has none of its parent's threads and connections."""
        engine = self._engines.get(os.getpid())
        return engine or self._first_engine()

    def encoding(self, kind: Kind) -> Callable[[Outgoing], Encoded]:
        """For a producer of that kind; what is returned raises OutgoingError."""
        return partial(encode, self.engine().encoder, self._clock, kind)

    def _first_engine(self) -> Sends:
        with self._lock:
            if self._closed:
                raise UsageError("the producers are closed")
            engine = self._engines.get(os.getpid())
            if engine is None:
                # A parent's engine stays in the table: to end it here would say goodbye over the parent's connection.
                engine = self._engines[os.getpid()] = self._new_engine()
            return engine

    def _engine_of_its_own(self) -> Engine:
        return Engine(self._instance, self._settings, clock=self._clock, on_orphan=self._on_orphan())

    def _on_orphan(self) -> OnOrphan | None:
        checker = self._checker
        if checker is None:
            return None

        async def check(message: Message) -> Resolution:
            return await asyncio.to_thread(checker, message)

        return answer_by(check, Log("producers"))


class Producer:
    """Of one topic and kind. Cheap to make; any number of threads may share it."""

    def __init__(self, producers: Producers, topic: str, kind: Kind) -> None:
        self.topic = topic
        self._producers = producers
        self._kind = kind

    def send(self, payload: Any, **fields: Unpack[OutgoingFields]) -> Receipt:
        """Returns when the message is stored, or was dropped by the policy, which the receipt's `error` says.

        Raises OutgoingError, SaturatedError, or BrokerError; after its TransportError it may have been stored.
        """
        outgoing = Outgoing(topic=self.topic, payload=payload, **fields)
        encoded = self._producers.encoding(self._kind)(outgoing)
        collector = Collector((encoded.id,))
        self._producers.engine().send((encoded,), collector.take)
        return stored_or_dropped(collector.wait()[0])

    def send_many(self, messages: Iterable[Any]) -> list[Receipt]:
        """A receipt for each message, in their order; raises for none of them.

        A message is an Outgoing of this topic, or a payload.
        """
        engine = self._producers.engine()
        encoded, refused = encode_many(messages, self.topic, self._producers.encoding(self._kind))
        collector = Collector([one.id for one in encoded])
        with suppress(SaturatedError):  # the receipts of those concerned say so
            engine.send(encoded, collector.take)
        return in_order(collector.wait(), refused)


class TransactionProducer:
    """Messages that are delivered only if local work was done."""

    def __init__(self, producers: Producers, topic: str) -> None:
        self.topic = topic
        self._producers = producers

    def transaction(self) -> "Transaction":
        """To be used by `with`: commits at its end, rolls back if that is an exception."""
        return Transaction(self._producers, self.topic)


class Transaction:
    """Half messages, which nobody receives before the commit."""

    def __init__(self, producers: Producers, topic: str) -> None:
        self._producers = producers
        self._sender = Producer(producers, topic, Kind.TRANSACTION)
        self._halves: list[Receipt] = []

    def send(self, payload: Any, **fields: Unpack[HalfFields]) -> Receipt:
        """Raises as `Producer.send` does."""
        half = self._sender.send(payload, **fields)
        if half.error is None:
            self._halves.append(half)
        return half

    def commit(self) -> None:
        """Deliver what was sent, one after the other. Raises BrokerError: the server asks about those left."""
        self._end(commit=True)

    def roll_back(self) -> None:
        """Drop what was sent."""
        self._end(commit=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end(commit=kind is None)

    def _end(self, *, commit: bool) -> None:
        while self._halves:
            self._producers.engine().end_transaction(self._sender.topic, self._halves[0], commit=commit)
            del self._halves[0]


def instance_of(endpoints: str | Instance) -> Instance:
    """Raises UsageError if one is no `host:port`."""
    text = ";".join(endpoints.endpoints) if isinstance(endpoints, Instance) else endpoints
    try:
        found = Endpoints().read(text)
    except UnfitError as error:
        raise UsageError(f'endpoints: {error}; give "127.0.0.1:8081", or several with ; between') from error
    if EMBEDDED in found:
        raise UsageError('endpoints: "embedded" is for `sylph run`; give the host:port at which its broker listens')
    return endpoints if isinstance(endpoints, Instance) else Instance(name="default", endpoints=found)


def refuse_disorder(settings: Settings) -> None:
    if settings.saturation == "caller_runs":
        raise UsageError(
            "caller_runs lets messages overtake those that wait: it cannot be the policy of a FIFO producer"
        )
