"""Calls handlers, each call within a span; takes the place of `Invocation` where the process traces.

Names and attributes follow OpenTelemetry's semantic conventions for messaging (opentelemetry-semantic-conventions
0.66); those that begin with `sylph.` are ours. A single message's span is the child of its sender's; a batch has many
senders, so its span links to theirs.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from sylph_mp.api import DeadLetter, Retry
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.invocation import Invocation
from sylph_mp.consumer.outputs import Sender
from sylph_mp.consumer.thread_calls import Guard
from sylph_mp.errors import BrokerError
from sylph_mp.logs import Log
from sylph_mp.shm.table import EntryOutcome

#: Name of the instrumentation, for those who filter by it.
SCOPE = "sylph_mp"
#: In the words in which handlers give them.
_WORDS = {EntryOutcome.ACK: "Ack", EntryOutcome.RETRY: "Retry", EntryOutcome.DEAD_LETTER: "DeadLetter"}


class TracedInvocation(Invocation):
    def __init__(
        self, *, slot: int, log: Log, handler_log: logging.Logger, sender: Sender, tracer: Tracer | None = None
    ) -> None:
        """`tracer` is by default that of the program's provider."""
        super().__init__(slot=slot, log=log, handler_log=handler_log, sender=sender)
        self._tracer = tracer or trace.get_tracer(SCOPE)

    def call(self, deliveries: Sequence[Delivery], started_ns: int, guard: Guard) -> None:
        with self._span_of(deliveries):
            super().call(deliveries, started_ns, guard)

    async def call_async(self, deliveries: Sequence[Delivery], started_ns: int) -> None:
        with self._span_of(deliveries):
            await super().call_async(deliveries, started_ns)

    def _raised(self, deliveries: Sequence[Delivery], error: BaseException) -> None:
        if not isinstance(error, Retry | DeadLetter):
            trace.get_current_span().record_exception(error)
        super()._raised(deliveries, error)

    @contextmanager
    def _span_of(self, deliveries: Sequence[Delivery]) -> Iterator[None]:
        """Current while the handler runs, with the baggage of a single message's sender."""
        first, parent, links = deliveries[0], context.Context(), []
        if first.subscription.handler.takes_list:
            links = [link for delivery in deliveries if (link := _link(delivery)) is not None]
        else:
            parent = propagate.extract(first.source.carrier, parent)
        name, kind = f"process {first.subscription.name}", SpanKind.CONSUMER
        span = self._tracer.start_span(name, parent, kind, self._attributes(deliveries), links)
        token = context.attach(trace.set_span_in_context(span, parent))
        try:
            yield
        finally:
            context.detach(token)
            if span.is_recording():
                _conclude(span, deliveries)
            span.end()

    def _attributes(self, deliveries: Sequence[Delivery]) -> dict[str, AttributeValue]:
        first = deliveries[0]
        topic = first.subscription.topic
        found: dict[str, AttributeValue] = {
            "messaging.system": "rocketmq",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic.name,
            "messaging.consumer.group.name": topic.group,
            "sylph.slot": self._slot,
            "sylph.attempt": first.attempt,
        }
        if first.subscription.handler.takes_list:
            found["messaging.batch.message_count"] = len(deliveries)
        else:
            found["messaging.message.id"] = first.source.id
            found["messaging.destination.partition.id"] = str(first.source.queue[1])
        if first.source.group:
            found["messaging.rocketmq.message.group"] = first.source.group
        return found


def _link(delivery: Delivery) -> Link | None:
    """To the span in which a message of a batch was sent, if that is known."""
    sent_in = propagate.extract(delivery.source.carrier, context.Context())
    sender = trace.get_current_span(sent_in).get_span_context()
    return Link(sender, {"messaging.message.id": delivery.source.id}) if sender.is_valid else None


def _conclude(span: Span, deliveries: Sequence[Delivery]) -> None:
    """What `sylph status` counts as failed is an error here; of a batch the worst counts."""
    results = [delivery.result for delivery in deliveries if delivery.result is not None]
    failed = [result for result in results if result.outcome is not EntryOutcome.ACK]
    worst = max(results, key=lambda result: result.outcome)
    span.set_attribute("sylph.outcome", _WORDS[worst.outcome])
    if worst.failure is not None:
        span.set_attribute("error.type", worst.failure.kind)
        span.set_status(Status(StatusCode.ERROR, worst.failure.text))
    if deliveries[0].subscription.handler.takes_list:
        span.set_attribute("sylph.failed_count", len(failed))
    elif (size := _body_bytes(deliveries[0])) is not None:
        span.set_attribute("messaging.message.body.size", size)


def _body_bytes(delivery: Delivery) -> int | None:
    """Unpacked; None for one that cannot be, which its outcome tells."""
    try:
        return len(delivery.source.body)
    except BrokerError:
        return None
