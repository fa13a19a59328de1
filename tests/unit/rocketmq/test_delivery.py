import gzip
import hashlib
import zlib
from datetime import UTC, datetime

import pytest
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.errors import BrokerError
from sylph_mp.rocketmq.body import CorruptBodyError
from sylph_mp.rocketmq.delivery import Delivery

DIGESTS = {
    definition_pb2.MD5: lambda body: hashlib.md5(body).hexdigest().upper(),
    definition_pb2.SHA1: lambda body: hashlib.sha1(body).hexdigest().upper(),
    definition_pb2.CRC32: lambda body: f"{zlib.crc32(body):X}",
}


def frame(body=b"body", *, digest=definition_pb2.MD5, checksum=None, encoding=definition_pb2.IDENTITY, **system):
    response = service_pb2.ReceiveMessageResponse()
    message = response.message
    message.topic.name = "orders"
    message.body = body
    properties = message.system_properties
    properties.message_id = "01A2"
    properties.receipt_handle = "7 1795442899868 30000 1 0 broker-a 5 7 3436"
    properties.body_digest.type = digest
    properties.body_digest.checksum = DIGESTS[digest](body) if checksum is None else checksum
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


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_body_is_checked(digest):
    assert Delivery.parse(frame(b"body", digest=digest)).body == b"body"
    with pytest.raises(CorruptBodyError):
        _ = Delivery.parse(frame(b"changed", digest=digest, checksum=DIGESTS[digest](b"body"))).body


def test_a_short_crc_fits_with_and_without_leading_zeros():
    body = next(b"%d" % n for n in range(10_000) if zlib.crc32(b"%d" % n) < 1 << 24)
    for checksum in (f"{zlib.crc32(body):X}", f"{zlib.crc32(body):08X}"):
        assert Delivery.parse(frame(body, digest=definition_pb2.CRC32, checksum=checksum)).body == body


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
