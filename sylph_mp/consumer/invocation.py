"""One call of a handler: from bodies to a result. Runs in the worker threads and, for async handlers, on their loop.

Nothing that a handler raises gets past here.
"""

import asyncio
import logging
import random
import traceback
from collections.abc import Sequence
from pathlib import Path
from time import monotonic_ns
from types import TracebackType
from typing import Any

from sylph_mp.api import Ack, Context, DeadLetter, Handler, Retry, TimeLimitExceeded
from sylph_mp.api.decoding import BodyError
from sylph_mp.config.file import shown_path
from sylph_mp.consumer.delivery import ACKED, MAX_AFTER_MS, Delivery, Failure, Result
from sylph_mp.consumer.outputs import Outputs, Sender
from sylph_mp.consumer.retry_policy import delay_s
from sylph_mp.consumer.thread_calls import Guard
from sylph_mp.errors import BrokerError, OutputError
from sylph_mp.logs import Log
from sylph_mp.shm.table import EntryOutcome

NS = 1_000_000_000


class Invocation:
    """Calls the handlers of one consumer."""

    def __init__(self, *, slot: int, log: Log, handler_log: logging.Logger, sender: Sender) -> None:
        self._slot = slot
        self._sender = sender
        self._log = log
        self._handler_log = handler_log

    def call(self, deliveries: Sequence[Delivery], started_ns: int, guard: Guard) -> None:
        """Run a sync handler on one delivery, or on a batch; every delivery has its result afterwards."""
        live, argument = self._argument(deliveries)
        if not live:
            return
        handler = live[0].subscription.handler
        try:
            if handler.signature.takes_context:
                outputs = self._outputs(live)
                value = guard.call(live, handler.function, argument, self._context(live, started_ns, outputs))
            else:
                outputs = None
                value = guard.call(live, handler.function, argument, None)
        except BaseException as error:  # noqa: BLE001 - a handler's SystemExit must not end a worker thread either
            self._raised(live, error)
        else:
            self._returned(live, value, outputs)

    async def call_async(self, deliveries: Sequence[Delivery], started_ns: int) -> None:
        """The same for an async handler."""
        live, argument = self._argument(deliveries)
        if not live:
            return
        handler = live[0].subscription.handler
        try:
            if handler.signature.takes_context:
                outputs = self._outputs(live)
                value = await handler.function(argument, self._context(live, started_ns, outputs))
            else:
                outputs = None
                value = await handler.function(argument)
        except BaseException as error:  # noqa: BLE001 - cancellation by the handler's own library is a failure as well
            self._raised(live, _over_time(error, live[0], started_ns))
        else:
            self._returned(live, value, outputs)

    def _argument(self, deliveries: Sequence[Delivery]) -> tuple[Sequence[Delivery], Any]:
        """Decode the bodies; what cannot be decoded is dead-lettered and does not take part in the call."""
        delivery = deliveries[0]
        handler = delivery.subscription.handler
        if not handler.takes_list:
            try:
                return deliveries, _decode(handler, delivery)
            except (BodyError, BrokerError) as error:
                self._undecodable(delivery, error)
                return (), None
        live, arguments = [], []
        for delivery in deliveries:
            try:
                arguments.append(_decode(handler, delivery))
            except (BodyError, BrokerError) as error:
                self._undecodable(delivery, error)
            else:
                live.append(delivery)
        return live, arguments

    def refused(self, deliveries: Sequence[Delivery], reason: str) -> None:
        """The handler succeeded, but something that it sent can not be stored: they are tried again."""
        first = deliveries[0]
        failure = _failure_of(first, OutputError.__name__, reason)
        for delivery in deliveries:
            delivery.outputs = ()
            delivery.result = self._retry(delivery, None, failure, raised=True)
        self._log.error(
            "output-refused",
            f"{first.subscription.handler.name}: {reason}",
            topic=first.subscription.name,
            message=first.source.id,
            attempt=first.attempt,
            place=failure.place,
        )

    def _outputs(self, deliveries: Sequence[Delivery]) -> Outputs:
        return Outputs(self._sender, deliveries[0].subscription.topic.instance)

    def _context(self, deliveries: Sequence[Delivery], started_ns: int, outputs: Outputs) -> Context:
        first = deliveries[0]
        return Context(
            lambda: tuple(delivery.source.message(delivery.attempt) for delivery in deliveries),
            attempt=first.attempt,
            slot=self._slot,
            ends_at=started_ns / NS + first.subscription.topic.time_limit_s,
            log=self._handler_log,
            outbound=outputs,
        )

    def _returned(self, deliveries: Sequence[Delivery], value: object, outputs: Outputs | None) -> None:
        if value is None:
            for delivery in deliveries:
                delivery.result = ACKED
        elif isinstance(value, list) and deliveries[0].subscription.handler.takes_list:
            self._returned_each(deliveries, value)
        else:
            for delivery in deliveries:
                delivery.result = self._result_of(delivery, value)
        if outputs is not None and outputs.collected:
            for delivery in deliveries:
                if delivery.result is ACKED:
                    delivery.outputs = outputs.collected

    def _returned_each(self, deliveries: Sequence[Delivery], values: list[object]) -> None:
        """A batch handler may say something else about each message."""
        if len(values) != len(deliveries):
            text = f"returned {len(values)} outcomes for {len(deliveries)} messages"
            self._raised(deliveries, ValueError(text))
            return
        for delivery, value in zip(deliveries, values, strict=True):
            delivery.result = self._result_of(delivery, value)

    def _result_of(self, delivery: Delivery, value: object) -> Result:
        if isinstance(value, type) and issubclass(value, (Ack, Retry, DeadLetter)):
            value = value()
        if value is None or isinstance(value, Ack):
            return ACKED
        if isinstance(value, Retry):
            return self._retry(delivery, value.after_s, _failure_of(delivery, "Retry", value.reason))
        if isinstance(value, DeadLetter):
            return _dead(_failure_of(delivery, "DeadLetter", value.reason))
        self._log.warn(
            "return-value",
            f"{delivery.subscription.handler.name} returned {type(value).__name__}: taken for Ack; "
            "return None, Retry or DeadLetter",
            topic=delivery.subscription.name,
            place=_shown(delivery.subscription.handler.place),
        )
        return ACKED

    def _raised(self, deliveries: Sequence[Delivery], error: BaseException) -> None:
        if isinstance(error, (Retry, DeadLetter)):
            for delivery in deliveries:
                delivery.result = self._result_of(delivery, error)
            return
        first = deliveries[0]
        handler = first.subscription.handler
        text = _first_line(error)
        if isinstance(error, TimeLimitExceeded):
            text = text or f"ran longer than its limit of {first.subscription.topic.time_limit_s:g} s"
        failure = Failure(type(error).__name__, text, _place_of(error.__traceback__, handler))
        for delivery in deliveries:
            delivery.result = self._retry(delivery, None, failure, raised=True)
        assert first.result is not None
        self._log.exception(
            "outcome",
            f"{handler.name}: {failure.kind}: {text}",
            error,
            outcome="Retry" if first.result.outcome is EntryOutcome.RETRY else "DeadLetter",
            topic=first.subscription.name,
            message=first.source.id,
            messages=len(deliveries) if len(deliveries) > 1 else None,
            attempt=first.attempt,
            retry_after_s=round(first.result.after_s, 1),
            error=failure.kind,
            place=failure.place,
        )

    def _undecodable(self, delivery: Delivery, error: Exception) -> None:
        failure = _failure_of(delivery, type(error).__name__, f"body cannot be decoded: {_first_line(error)}")
        delivery.result = _dead(failure, raised=True)
        self._log.error(
            "dead-letter",
            failure.text,
            topic=delivery.subscription.name,
            message=delivery.source.id,
            attempt=delivery.attempt,
            place=failure.place,
        )

    @staticmethod
    def _retry(delivery: Delivery, after_s: float | None, failure: Failure, *, raised: bool = False) -> Result:
        topic = delivery.subscription.topic
        if delivery.attempt >= topic.max_attempts:
            return _dead(failure, raised=raised)
        if after_s is None:
            after_s = delay_s(topic.retry, delivery.attempt, random.random())  # noqa: S311 - jitter is no secret
        after_ms = min(int(after_s * 1000), MAX_AFTER_MS)
        return Result(outcome=EntryOutcome.RETRY, after_ms=after_ms, failure=failure, raised=raised)


def _decode(handler: Handler, delivery: Delivery) -> Any:
    decode = handler.signature.decode
    return delivery.source.message(delivery.attempt) if decode is None else decode(delivery.source.body)


def _dead(failure: Failure, *, raised: bool = False) -> Result:
    return Result(outcome=EntryOutcome.DEAD_LETTER, failure=failure, raised=raised)


def _over_time(error: BaseException, delivery: Delivery, started_ns: int) -> BaseException:
    """What an async handler raised; cancelled beyond its time limit, that is the reason."""
    over = (monotonic_ns() - started_ns) / NS >= delivery.subscription.topic.time_limit_s
    if not over or not isinstance(error, asyncio.CancelledError):
        return error
    return TimeLimitExceeded().with_traceback(error.__traceback__)


def _failure_of(delivery: Delivery, kind: str, text: str) -> Failure:
    return Failure(kind, text, _shown(delivery.subscription.handler.place))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]


def _place_of(trace: TracebackType | None, handler: Handler) -> str:
    """The innermost line of the handler's own file: where its author looks first."""
    file = handler.place.rpartition(":")[0]
    for frame in reversed(traceback.extract_tb(trace)):
        if frame.filename == file:
            return _shown(f"{frame.filename}:{frame.lineno}")
    return _shown(handler.place)


def _shown(place: str) -> str:
    file, _, line = place.rpartition(":")
    return f"{shown_path(Path(file))}:{line}"
