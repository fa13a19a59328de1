"""A message is encoded as the protocol's own messages encode it, and what no server takes is refused by field."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.errors import OutgoingError
from sylph_mp.producer.encoding import Encoder, Kind
from sylph_mp.producer.outgoing import Limits, Outgoing

NOW = 1_790_000_000.25


def parsed(*parts):
    return service_pb2.SendMessageRequest.FromString(b"".join(parts)).messages


texts = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=200)


@given(
    namespace=st.sampled_from(["", "space"]),
    payload=st.binary(min_size=1, max_size=40_000),
    tag=st.none() | texts.filter(lambda text: "|" not in text),
    keys=st.lists(texts, max_size=3),
    properties=st.dictionaries(texts, st.text(st.characters(categories=["L", "Zs"])), max_size=5),
    trace=st.none() | texts,
)
def test_every_field_arrives(namespace, payload, tag, keys, properties, trace):
    outgoing = Outgoing(topic="orders", payload=payload, tag=tag, keys=keys, properties=properties, trace_parent=trace)

    encoded = Encoder(namespace, Limits(property_bytes=1 << 20)).encode(outgoing, NOW)

    [message] = parsed(encoded.part)
    system = message.system_properties
    assert (message.topic.resource_namespace, message.topic.name) == (namespace, "orders")
    assert (message.body, dict(message.user_properties)) == (payload, properties)
    assert (system.tag, list(system.keys)) == (tag or "", keys)
    assert system.HasField("tag") == (tag is not None)
    assert system.trace_context == (trace or "")
    assert (system.message_id, system.message_type) == (encoded.id, definition_pb2.NORMAL)
    assert system.body_encoding == definition_pb2.IDENTITY
    assert system.born_timestamp.ToMilliseconds() == 1_790_000_000_250
    assert system.born_host
    # Nothing that the protocol does not know, nothing twice.
    assert len(message.SerializeToString()) == message.ByteSize() == len(encoded.part) - len(head_of(encoded.part))


@given(
    namespace=st.sampled_from(["", "space"]),
    payloads=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4),
    now=st.sampled_from([NOW, NOW + 1, NOW + 0.001]),
)
def test_what_says_nothing_but_topic_and_payload_is_encoded_the_same_at_first_and_later(namespace, payloads, now):
    encoder = Encoder(namespace, Limits())
    encoder.encode(Outgoing(topic="orders", payload=b"first"), NOW)
    for payload in [*payloads, bytes(20_000)]:
        later = encoder.encode(Outgoing(topic="orders", payload=payload), now)
        [message] = parsed(later.part)
        [fresh] = parsed(Encoder(namespace, Limits()).encode(Outgoing(topic="orders", payload=payload), now).part)
        assert message.system_properties.message_id == later.id
        fresh.system_properties.message_id = later.id
        assert message == fresh
        assert (later.topic, later.kind, later.group) == ("orders", Kind.NORMAL, "")


@pytest.mark.parametrize("payload", [b"", bytes(101)])
def test_a_body_that_no_server_takes_is_refused_later_as_well(payload):
    encoder = Encoder("", Limits(body_bytes=100))
    encoder.encode(Outgoing(topic="orders", payload=b"first"), NOW)
    with pytest.raises(OutgoingError, match="payload"):
        encoder.encode(Outgoing(topic="orders", payload=payload), NOW)


def head_of(part):
    """The field's tag and length."""
    end = 1
    while part[end] & 0x80:
        end += 1
    return part[: end + 1]


@pytest.mark.parametrize(
    ("fields", "kind", "seen"),
    [
        ({"group": "o-17"}, Kind.FIFO, lambda system: system.message_group == "o-17"),
        (
            {"deliver_after_s": 1.5},
            Kind.DELAY,
            lambda system: system.delivery_timestamp.ToMilliseconds() == 1_790_000_001_750,
        ),
        (
            {"deliver_at": datetime.fromtimestamp(NOW + 60, UTC)},
            Kind.DELAY,
            lambda system: system.delivery_timestamp.ToMilliseconds() == 1_790_000_060_250,
        ),
        ({"priority": 300}, Kind.PRIORITY, lambda system: system.priority == 300),
    ],
)
def test_fields_decide_the_kind(fields, kind, seen):
    encoded = Encoder("", Limits()).encode(Outgoing(topic="t", payload=b"x", **fields), NOW)

    [message] = parsed(encoded.part)
    assert encoded.kind == kind == message.system_properties.message_type
    assert encoded.group == fields.get("group", "")
    assert seen(message.system_properties)


def test_a_half_message_is_one_because_the_caller_says_so():
    encoded = Encoder("", Limits()).encode(Outgoing(topic="t", payload=b"x"), NOW, transaction=True)

    assert parsed(encoded.part)[0].system_properties.message_type == definition_pb2.TRANSACTION


def test_a_request_is_its_parts_one_after_the_other():
    encoder = Encoder("", Limits())
    parts = [encoder.encode(Outgoing(topic="t", payload=bytes([n]) * (n + 1) * 100), NOW) for n in range(200)]

    messages = parsed(*(encoded.part for encoded in parts))

    assert [message.body for message in messages] == [bytes([n]) * (n + 1) * 100 for n in range(200)]
    assert len({message.system_properties.message_id for message in messages}) == 200


def test_encoders_share_no_ids():
    first, second = (Encoder("", Limits()).encode(Outgoing(topic="t", payload=b"x"), NOW).id for _ in range(2))
    assert first != second
    assert len(first) == 34


class Order(msgspec.Struct):
    id: str


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b"\x00", b"\x00"),
        (bytearray(b"ab"), b"ab"),
        ("größer", "größer".encode()),
        (Order("1"), b'{"id":"1"}'),
        ([1], b"[1]"),
    ],
)
def test_payloads(payload, body):
    assert parsed(Encoder("", Limits()).encode(Outgoing(topic="t", payload=payload), NOW).part)[0].body == body


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("topic", {"topic": "a topic"}),
        ("payload", {"payload": b""}),
        ("payload", {"payload": bytes(101)}),
        ("payload", {"payload": object()}),
        ("tag", {"tag": "a|b"}),
        ("payload", {"payload": "\ud800"}),
        ("tag", {"tag": " "}),
        ("tag", {"tag": "\ud800"}),
        ("keys", {"keys": ["a b"]}),
        ("keys", {"keys": "ab"}),
        ("keys", {"keys": ["a\x01"]}),
        ("properties['a']", {"properties": {"a": "\n"}}),
        ("properties['a']", {"properties": {"a": 1}}),
        ("properties", {"properties": {str(n): "" for n in range(129)}}),
        ("properties", {"properties": {"a": "x" * (16 << 10)}}),
        ("group", {"group": "g" * 64}),
        ("group", {"group": ""}),
        ("deliver_after_s", {"deliver_after_s": 86401}),
        ("deliver_after_s", {"deliver_after_s": float("nan")}),
        ("deliver_after_s", {"deliver_after_s": 1, "deliver_at": datetime.now(UTC)}),
        ("deliver_at", {"deliver_at": datetime(2026, 1, 1)}),
        ("deliver_at", {"deliver_at": datetime.fromtimestamp(NOW, UTC) + timedelta(days=2)}),
        ("priority", {"priority": -1}),
        ("priority", {"priority": 1, "group": "g"}),
    ],
)
def test_what_no_server_takes_is_refused_by_field(field, wrong):
    with pytest.raises(OutgoingError) as refused:
        Encoder("", Limits(body_bytes=100)).encode(Outgoing(**{"topic": "t", "payload": b"x"} | wrong), NOW)

    assert refused.value.field == field
    assert str(refused.value).startswith(field)


def test_a_time_long_past_means_at_once():
    outgoing = Outgoing(topic="t", payload=b"x", deliver_at=datetime(1960, 1, 1, tzinfo=UTC))
    [message] = parsed(Encoder("", Limits()).encode(outgoing, NOW).part)
    assert message.system_properties.delivery_timestamp.ToMilliseconds() == 0
