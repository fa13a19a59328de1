"""A received message as the wire brought it; implements `ports.Received`.

Made on the loop thread; bodies and Messages are taken from it in the threads that run handlers. No parsed message is
kept: a thousand of them, each with memory of its own, take twice the time of parsing again what few handlers ask for.
"""

from datetime import UTC, datetime

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.api.message import Message
from sylph_mp.errors import BrokerError
from sylph_mp.rocketmq import essentials
from sylph_mp.rocketmq.body import unpack
from sylph_mp.rocketmq.receipt_handle import broker_of

#: Properties that the broker adds for itself and the proxy of 5.5.0 lets through.
INTERNAL_PROPERTIES = frozenset(
    {"__transactionId__", "TRANSACTION_CHECK_TIMES", "CHECK_IMMUNITY_TIME_IN_SECONDS", "__SHARDINGKEY"}
)

_GZIP = definition_pb2.GZIP


class Delivery(Struct, gc=False):  # which holds nothing that could refer to it
    """What every delivery is asked for; the rest is read from `frame` when somebody asks."""

    frame: bytes
    packed: bytes
    """The body, compressed if `encoding` says so."""
    encoding: int
    id: str
    handle: str
    attempt: int
    stored_ms: int
    group: str
    queue_id: int
    offset: int

    @classmethod
    def parse(cls, frame: bytes) -> "Delivery":
        """Raises BrokerError for bytes that are no ReceiveMessageResponse with a message."""
        try:
            response = essentials.ReceiveMessageResponse.FromString(frame)
        except DecodeError as error:
            raise BrokerError(f"frame cannot be parsed: {error}") from error
        if not response.HasField("message"):
            raise BrokerError("frame has no message")
        return delivery_of(frame, response.message)

    @property
    def body(self) -> bytes:
        """Raises CorruptBodyError."""
        return self.packed if self.encoding != _GZIP else unpack(self.packed, self.id)

    @property
    def topic(self) -> str:
        return str(self._whole().topic.name)

    @property
    def queue(self) -> tuple[str, int]:
        return broker_of(self.handle) or str(self._whole().system_properties.store_host), self.queue_id

    @property
    def carrier(self) -> dict[str, str]:
        whole = self._whole()
        carrier = dict(whole.user_properties)
        if whole.system_properties.trace_context:
            carrier.setdefault("traceparent", whole.system_properties.trace_context)
        return carrier

    def message(self, attempt: int) -> Message:
        """Raises CorruptBodyError."""
        return message_of(self._whole(), attempt)

    def _whole(self) -> definition_pb2.Message:
        return service_pb2.ReceiveMessageResponse.FromString(self.frame).message


def delivery_of(frame: bytes, message: definition_pb2.Message) -> Delivery:
    """The Delivery of a frame, `message` being what `essentials` reads in it."""
    system = message.system_properties
    stored = system.store_timestamp
    return Delivery(
        frame,
        message.body,
        system.body_encoding,
        system.message_id,
        system.receipt_handle,
        system.delivery_attempt,
        stored.seconds * 1000 + stored.nanos // 1_000_000,
        system.message_group,
        system.queue_id,
        system.queue_offset,
    )


def message_in(frame: bytes, attempt: int) -> Message | None:
    """The message in a received frame; None if there is none, or its body is corrupt."""
    try:
        return Delivery.parse(frame).message(attempt)
    except BrokerError:
        return None


def id_in(frame: bytes) -> str:
    """The id in a received frame; "" if it is none, as while a consumer replaces it."""
    try:
        return Delivery.parse(frame).id
    except BrokerError:
        return ""


def message_of(whole: definition_pb2.Message, attempt: int) -> Message:
    """Raises CorruptBodyError."""
    system, properties = whole.system_properties, whole.user_properties
    return Message(
        id=system.message_id,
        topic=whole.topic.name,
        body=whole.body if system.body_encoding != _GZIP else unpack(whole.body, system.message_id),
        tag=system.tag or None,
        keys=tuple(system.keys),
        properties={name: properties[name] for name in properties if name not in INTERNAL_PROPERTIES},
        group=system.message_group or None,
        attempt=attempt,
        born_at=_moment(system.born_timestamp),
        stored_at=_moment(system.store_timestamp),
        queue=system.queue_id,
        offset=system.queue_offset,
    )


def _moment(timestamp: Timestamp) -> datetime | None:
    if not timestamp.seconds:
        return None
    return datetime.fromtimestamp(timestamp.seconds + timestamp.nanos / 1e9, UTC)
