import gzip
import zlib
from datetime import UTC, datetime

import pytest
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.errors import BrokerError
from sylph_mp.rocketmq.body import CorruptBodyError
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.rocketmq.essentials import ReceiveMessageResponse


def frame(body=b"body", *, encoding=definition_pb2.IDENTITY, **system):
    response = service_pb2.ReceiveMessageResponse()
    message = response.message
    message.topic.name = "orders"
    message.body = body
    properties = message.system_properties
    properties.message_id = "01A2"
    properties.receipt_handle = "7 1795442899868 30000 1 0 broker-a 5 7 3436"
    properties.body_encoding = encoding
    properties.queue_id, properties.queue_offset, properties.delivery_attempt = 5, 7, 2
    properties.store_timestamp.seconds, properties.store_timestamp.nanos = 1_795_442_899, 853_000_000
    for name, value in system.items():
        setattr(properties, name, value)
    return response.SerializeToString()


def test_a_delivery_says_what_came():
    received = frame(message_group="g1")
    delivery = Delivery.parse(received)
    assert delivery.frame == received
    assert (delivery.id, delivery.topic, delivery.group, delivery.attempt) == ("01A2", "orders", "g1", 2)
    assert delivery.queue == ("broker-a", 5)
    assert delivery.offset == 7
    assert delivery.stored_ms == 1_795_442_899_853


@pytest.mark.parametrize("data", [b"\xff\xff", b"", service_pb2.ReceiveMessageResponse(status={}).SerializeToString()])
def test_a_frame_that_is_no_delivery_is_refused(data):
    with pytest.raises(BrokerError):
        Delivery.parse(data)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_compressed_body_is_unpacked(compress):
    assert Delivery.parse(frame(compress(b"long" * 99), encoding=definition_pb2.GZIP)).body == b"long" * 99


@pytest.mark.parametrize("packed", [gzip.compress(b"long" * 99)[:-9], b"\x04\x22\x4d\x18 lz4"])
def test_a_body_that_cannot_be_unpacked_is_corrupt(packed):
    with pytest.raises(CorruptBodyError, match="01A2"):
        _ = Delivery.parse(frame(packed, encoding=definition_pb2.GZIP)).body


def test_a_message_has_the_senders_properties_and_none_of_the_brokers():
    response = service_pb2.ReceiveMessageResponse.FromString(frame(tag="t"))
    message = response.message
    message.user_properties["colour"] = "red"
    for name in ("__transactionId__", "TRANSACTION_CHECK_TIMES", "__SHARDINGKEY"):
        message.user_properties[name] = "x"
    message.system_properties.keys.extend(["k1", "k2"])
    made = Delivery.parse(response.SerializeToString()).message(4)
    assert made.properties == {"colour": "red"}
    assert (made.id, made.tag, made.keys, made.group, made.attempt) == ("01A2", "t", ("k1", "k2"), None, 4)
    assert made.stored_at == datetime(2026, 11, 23, 14, 8, 19, 853_000, UTC)
    assert made.born_at is None


def test_what_is_read_in_brief_is_what_the_whole_message_says():
    whole = service_pb2.ReceiveMessageResponse.FromString(frame(message_group="g1", tag="t")).message.system_properties
    brief = ReceiveMessageResponse.FromString(frame(message_group="g1", tag="t")).message.system_properties
    for field in brief.DESCRIPTOR.fields:
        assert str(getattr(brief, field.name)) == str(getattr(whole, field.name))
        assert field.number == whole.DESCRIPTOR.fields_by_name[field.name].number
    assert not hasattr(brief, "tag")


def test_nothing_of_a_frame_is_lost_by_reading_it_in_brief():
    received = frame(b"." * 5000, tag="t", store_host="10.0.0.7:10911")
    brief = ReceiveMessageResponse.FromString(received)
    again = service_pb2.ReceiveMessageResponse.FromString(brief.SerializeToString())
    assert again == service_pb2.ReceiveMessageResponse.FromString(received)


def test_trace_context_is_in_the_properties_or_in_the_systems_own_field():
    message = service_pb2.ReceiveMessageResponse.FromString(frame(trace_context="00-1-2-01"))
    assert Delivery.parse(message.SerializeToString()).carrier == {"traceparent": "00-1-2-01"}
    message.message.user_properties.update({"traceparent": "00-3-4-01", "region": "eu"})
    assert Delivery.parse(message.SerializeToString()).carrier == {"traceparent": "00-3-4-01", "region": "eu"}
