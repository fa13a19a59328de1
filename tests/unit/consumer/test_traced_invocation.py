"""A handler call is a span: child of what sent its message, or linked to all that sent its batch."""

import asyncio
import logging
import threading

import pytest
from opentelemetry import baggage, trace
from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.trace import SpanKind, StatusCode

from sylph_mp.api import Context, DeadLetter, Retry
from sylph_mp.consumer.outputs import Sender
from sylph_mp.consumer.thread_calls import Guard
from sylph_mp.consumer.traced_invocation import TracedInvocation
from sylph_mp.logs import Log
from sylph_mp.rocketmq.body import CorruptBodyError
from sylph_mp.testing.fake_session import FakeReceived
from tests.unit.consumer.serving import app_with, messages, play
from tests.unit.consumer.test_outputs_of_handlers import Courier
from tests.unit.spans import Spans
from tests.unit.turns import turns


@pytest.fixture
def spans():
    return Spans()


@pytest.fixture
def invocation(spans):
    sender = Sender(encoders={}, largest_bytes=1000, send_now=lambda *_: None)
    handler_log = logging.getLogger("app")
    return TracedInvocation(slot=3, log=Log("slot 3"), handler_log=handler_log, sender=sender, tracer=spans.tracer)


@pytest.fixture
def call(spans, invocation, subscribe, deliver):
    """Call a handler function on messages with these properties; returns its span and the deliveries."""

    def make(function, *carriers, **settings):
        subscription = subscribe(function, **settings)
        deliveries = deliver(subscription, *(f"m{place}" for place in range(len(carriers))))
        for delivery, carrier in zip(deliveries, carriers, strict=True):
            delivery.source.carrier = carrier
        if subscription.handler.is_async:
            asyncio.run(invocation.call_async(deliveries, 0))
        else:
            invocation.call(deliveries, 0, Guard(threading.get_ident()))
        [span] = spans.named("process orders")
        return span, deliveries

    return make


def sent(spans, name):
    """A message's properties as the span of its sender leaves them, and that span's context."""
    with spans.tracer.start_as_current_span(name) as span:
        own = span.get_span_context()
        return {"traceparent": f"00-{own.trace_id:032x}-{own.span_id:016x}-01"}, own


def succeed(body: bytes) -> None:
    pass


def test_the_span_of_a_message_is_the_child_of_what_sent_it(spans, call):
    carrier, sender = sent(spans, "order")
    span, _ = call(succeed, carrier)
    assert (span.context.trace_id, span.parent.span_id) == (sender.trace_id, sender.span_id)
    assert span.kind is SpanKind.CONSUMER
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes == {
        "messaging.system": "rocketmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "orders",
        "messaging.destination.partition.id": "0",
        "messaging.consumer.group.name": "g",
        "messaging.message.id": "m0",
        "messaging.message.body.size": 2,
        "sylph.slot": 3,
        "sylph.attempt": 1,
        "sylph.outcome": "Ack",
    }


def test_its_attributes_are_those_of_the_conventions(call):
    span, _ = call(succeed, {})
    known = {value for value in vars(messaging_attributes).values() if isinstance(value, str)}
    assert {name for name in span.attributes if not name.startswith("sylph.")} <= known


def test_a_message_of_somebody_who_does_not_trace_begins_a_trace_whatever_goes_on_in_the_thread(spans, call):
    with spans.tracer.start_as_current_span("of the thread"):
        span, _ = call(succeed, {})
    assert span.parent is None


def test_a_batch_links_to_all_that_sent_its_messages(spans, call):
    def charge(bodies: list[bytes]) -> None:
        pass

    (first, one), (second, other) = sent(spans, "one"), sent(spans, "other")
    span, _ = call(charge, first, {}, second, batch=10)
    assert span.parent is None
    assert [(link.context.span_id, link.attributes["messaging.message.id"]) for link in span.links] == [
        (one.span_id, "m0"),
        (other.span_id, "m2"),
    ]
    assert span.attributes["messaging.batch.message_count"] == 3
    assert "messaging.message.id" not in span.attributes


def test_of_a_batch_the_worst_outcome_is_told_and_how_many_failed(call):
    def charge(bodies: list[bytes]) -> list[object]:
        return [None, Retry("later"), DeadLetter("never"), None]

    span, _ = call(charge, {}, {}, {}, {}, batch=10)
    assert (span.attributes["sylph.outcome"], span.attributes["sylph.failed_count"]) == ("DeadLetter", 2)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "never")


def test_an_exception_is_recorded_with_its_trace_and_makes_it_an_error(call):
    def fail(body: bytes) -> None:
        int("x")

    span, [delivery] = call(fail, {})
    assert span.attributes["sylph.outcome"] == "Retry"
    assert span.attributes["error.type"] == "ValueError"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, delivery.result.failure.text)
    [event] = span.events
    assert event.attributes["exception.type"] == "ValueError"
    assert 'int("x")' in event.attributes["exception.stacktrace"]


@pytest.mark.parametrize("raised", [True, False])
def test_an_outcome_is_no_exception(call, raised):
    def later(body: bytes) -> Retry:
        if raised:
            raise Retry("ledger closed")
        return Retry("ledger closed")

    span, _ = call(later, {})
    assert (span.attributes["sylph.outcome"], span.attributes["error.type"]) == ("Retry", "Retry")
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ledger closed")
    assert not span.events


def test_a_body_that_is_corrupt_is_told_without_its_size(call, monkeypatch):
    def corrupt(self):
        raise CorruptBodyError("checksum")

    monkeypatch.setattr(FakeReceived, "body", property(corrupt, lambda *_: None), raising=False)
    span, _ = call(succeed, {})
    assert (span.attributes["sylph.outcome"], span.attributes["error.type"]) == ("DeadLetter", "CorruptBodyError")
    assert "messaging.message.body.size" not in span.attributes


def test_the_span_is_current_in_the_handler_and_afterwards_no_more(spans, call):
    seen = []

    def look(body: bytes) -> None:
        seen.append((trace.get_current_span().get_span_context().span_id, baggage.get_baggage("tenant")))

    span, _ = call(look, {"baggage": "tenant=7"})
    assert seen == [(span.context.span_id, "7")]
    assert not trace.get_current_span().get_span_context().is_valid


def test_an_async_handler_keeps_its_own_while_others_run(spans, invocation, subscribe, deliver):
    seen = {}

    async def look(body: bytes, ctx: Context) -> None:
        await turns()
        seen[ctx.message.id] = trace.get_current_span().get_span_context().span_id

    async def both() -> None:
        deliveries = deliver(subscribe(look), "m0", "m1")
        await asyncio.gather(*(invocation.call_async([each], 0) for each in deliveries))

    asyncio.run(both())
    ended = spans.named("process orders")
    assert {span.attributes["messaging.message.id"]: span.context.span_id for span in ended} == seen
    assert len(seen) == 2


def test_a_consumer_whose_program_traces_hands_the_context_on(spans, monkeypatch):
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: spans.provider)
    carrier, sender = sent(spans, "order")

    def pass_on(body: bytes, ctx: Context) -> None:
        ctx.send("receipts", b"x")

    async def story(consumer):
        courier = Courier(consumer)
        consumer.session.put(*messages(1, properties=carrier))
        consumer.assign()
        [output] = await courier.until(1)
        [span] = spans.named("process orders")
        assert span.parent.span_id == sender.span_id
        assert f"00-{sender.trace_id:032x}-{span.context.span_id:016x}-01".encode() in output.part
        courier.store(1)
        await consumer.until(lambda: consumer.session.acked)

    play(app_with(pass_on), story)


def test_a_consumer_whose_program_does_not_trace_sends_none(spans):
    def pass_on(body: bytes, ctx: Context) -> None:
        with spans.tracer.start_as_current_span("of the handler"):
            ctx.send("receipts", b"x")

    async def story(consumer):
        courier = Courier(consumer)
        consumer.session.put(*messages(1))
        consumer.assign()
        [output] = await courier.until(1)
        assert b"traceparent" not in output.part
        courier.store(1)
        await consumer.until(lambda: consumer.session.acked)

    play(app_with(pass_on), story)
