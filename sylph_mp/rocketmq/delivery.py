"""A received message as the wire brought it; implements `ports.Received`.

Made on the loop thread; bodies and Messages are taken from it in the threads that run handlers.
"""

from datetime import UTC, datetime

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.api.message import Message
from sylph_mp.errors import BrokerError
from sylph_mp.rocketmq import body
from sylph_mp.rocketmq.receipt_handle import broker_of

#: Properties that the broker adds for itself and the proxy of 5.5.0 lets through.
INTERNAL_PROPERTIES = frozenset(
    {"__transactionId__", "TRANSACTION_CHECK_TIMES", "CHECK_IMMUNITY_TIME_IN_SECONDS", "__SHARDINGKEY"}
)


_GZIP = definition_pb2.GZIP


class Delivery:
    """Reads the parsed message only where it is asked, except for what every delivery is asked for."""

    __slots__ = ("_message", "_system", "frame", "handle", "id")

    def __init__(self, frame: bytes, message: definition_pb2.Message) -> None:
        self.frame = frame
        self._message = message
        self._system = system = message.system_properties
        self.id: str = system.message_id
        self.handle: str = system.receipt_handle

    @classmethod
    def parse(cls, frame: bytes) -> "Delivery":
        """Raises BrokerError for bytes that are no ReceiveMessageResponse with a message."""
        try:
            response = service_pb2.ReceiveMessageResponse.FromString(frame)
        except DecodeError as error:
            raise BrokerError(f"frame cannot be parsed: {error}") from error
        if not response.HasField("message"):
            raise BrokerError("frame has no message")
        return cls(frame, response.message)

    @property
    def body(self) -> bytes:
        """Raises CorruptBodyError."""
        packed: bytes = self._message.body
        return body.unpack(packed, self.id) if self._system.body_encoding == _GZIP else packed

    @property
    def topic(self) -> str:
        return str(self._message.topic.name)

    @property
    def group(self) -> str:
        return str(self._system.message_group)

    @property
    def attempt(self) -> int:
        return int(self._system.delivery_attempt)

    @property
    def queue(self) -> tuple[str, int]:
        return broker_of(self.handle) or self._system.store_host, int(self._system.queue_id)

    @property
    def offset(self) -> int:
        return int(self._system.queue_offset)

    @property
    def stored_ms(self) -> int:
        stored = self._system.store_timestamp
        return int(stored.seconds * 1000 + stored.nanos // 1_000_000)

    def message(self, attempt: int) -> Message:
        """Raises CorruptBodyError."""
        system = self._system
        properties = self._message.user_properties
        return Message(
            id=system.message_id,
            topic=self._message.topic.name,
            body=self.body,
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
