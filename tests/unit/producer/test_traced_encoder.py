"""What is sent carries the context in which it is sent, as user properties."""

import pytest
from opentelemetry import baggage, context, propagate
from opentelemetry.propagators.textmap import TextMapPropagator
from rocketmq.grpc_protocol import service_pb2

from sylph_mp.errors import OutgoingError
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.producer.traced_encoder import TracedEncoder
from tests.unit.spans import Spans

NOW = 1_700_000_000.0
OTHER = f"00-{'a' * 32}-{'b' * 16}-01"


def properties(encoder: TracedEncoder | None = None, **fields: object) -> dict[str, str]:
    """The user properties of a message as it goes over the wire."""
    encoded = (encoder or TracedEncoder("", Limits())).encode(Outgoing(topic="t", payload=b"x", **fields), NOW)
    [message] = service_pb2.SendMessageRequest.FromString(encoded.part).messages
    return dict(message.user_properties)


def traceparent(span: object) -> str:
    own = span.get_span_context()
    return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"


def test_the_current_context_is_put_in():
    with Spans().tracer.start_as_current_span("order") as span:
        assert properties(properties={"region": "eu"}) == {"region": "eu", "traceparent": traceparent(span)}


def test_baggage_goes_along():
    token = context.attach(baggage.set_baggage("tenant", "7"))
    try:
        assert properties() == {"baggage": "tenant=7"}
    finally:
        context.detach(token)


def test_without_a_span_nothing_is_put_in_and_what_is_there_stays():
    assert properties(properties={"traceparent": OTHER}) == {"traceparent": OTHER}


def test_properties_that_are_passed_on_bring_no_foreign_context():
    passed_on = {"traceparent": OTHER, "tracestate": "vendor=1", "region": "eu"}
    with Spans().tracer.start_as_current_span("order") as span:
        assert properties(properties=passed_on) == {"region": "eu", "traceparent": traceparent(span)}


def test_a_trace_parent_that_is_said_is_the_only_one():
    with Spans().tracer.start_as_current_span("order"):
        assert properties(trace_parent=OTHER) == {}


def test_a_message_that_has_no_room_for_it_goes_without():
    full = TracedEncoder("", Limits(property_count=1))
    with Spans().tracer.start_as_current_span("order"):
        assert properties(full, properties={"region": "eu"}) == {"region": "eu"}


def test_what_no_server_takes_is_refused_as_ever():
    with Spans().tracer.start_as_current_span("order"), pytest.raises(OutgoingError, match="payload"):
        TracedEncoder("", Limits(body_bytes=1)).encode(Outgoing(topic="t", payload=b"xx"), NOW)


def test_the_programs_own_propagators_are_used(monkeypatch):
    class Own(TextMapPropagator):
        fields = frozenset({"x-trace"})

        def extract(self, carrier, context=None, getter=None):
            raise AssertionError("not to be called")

        def inject(self, carrier, context=None, setter=None):
            carrier["x-trace"] = "7"

    monkeypatch.setattr(propagate, "get_global_textmap", Own)
    assert properties() == {"x-trace": "7"}
