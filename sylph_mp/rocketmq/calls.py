"""The methods of RocketMQ's MessagingService, each one call: requests built, answers read, statuses checked.

On the loop thread. Everything raises TransportError, GrpcError or StatusError.
"""

from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import TransportError
from sylph_mp.ports import POLL_S, Health, Settled
from sylph_mp.rocketmq.answers import deliveries_in, settled_by
from sylph_mp.rocketmq.channel import Channel, tls_of
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.rocketmq.endpoints import Addresses, parse_address, to_protobuf
from sylph_mp.rocketmq.metadata import Metadata
from sylph_mp.rocketmq.receipt_handle import repair
from sylph_mp.rocketmq.status import check
from sylph_mp.rocketmq.stream import Stream
from sylph_mp.rocketmq.subscription import Filter

#: A proxy answers 40018 to a receive whose gRPC deadline leaves it less than this beyond the poll.
_LEAST_BEYOND_POLL_S = 1.0

Response = TypeVar("Response", bound=Message)


class Calls:
    """One client id's calls over a channel. `close` ends them all."""

    def __init__(self, channel: Channel, *, instance: Instance, addresses: Addresses, metadata: Metadata) -> None:
        self._channel = channel
        self._addresses = addresses
        self._metadata = metadata
        self._namespace = instance.namespace
        self._timeout_s = instance.request_timeout_s

    @classmethod
    def to(cls, instance: Instance, *, client_id: str, clock: Clock, addresses: Addresses | None = None) -> "Calls":
        """Calls to the instance's proxies, or to those at `addresses`; the connection opens with the first call."""
        to = addresses or tuple(parse_address(text) for text in instance.endpoints)
        channel = Channel(to, tls=tls_of(instance), clock=clock)
        metadata = Metadata(instance, client_id=client_id, clock=clock)
        return cls(channel, instance=instance, addresses=to, metadata=metadata)

    @property
    def health(self) -> Health:
        return self._channel.record.health()

    def start_over(self, reason: str) -> None:
        """End all calls and streams; the next go over a fresh connection."""
        self._channel.start_over(reason)

    def close(self) -> None:
        self._channel.close()

    def open_telemetry(self) -> Stream:
        return self._channel.open_stream("Telemetry", headers=self._metadata.lines())

    async def query_route(self, topic: str) -> list[definition_pb2.MessageQueue]:
        """All queues of a topic, on all brokers."""
        request = service_pb2.QueryRouteRequest(topic=self.resource(topic), endpoints=to_protobuf(self._addresses))
        response = await self._call("QueryRoute", request, service_pb2.QueryRouteResponse)
        check(response.status)
        return list(response.message_queues)

    async def heartbeat(self, client_type: int, group: definition_pb2.Resource | None) -> None:
        request = service_pb2.HeartbeatRequest(group=group, client_type=client_type)
        response = await self._call("Heartbeat", request, service_pb2.HeartbeatResponse)
        check(response.status)

    async def notify_termination(self, group: definition_pb2.Resource | None, *, timeout_s: float) -> None:
        request = service_pb2.NotifyClientTerminationRequest(group=group)
        response = await self._call(
            "NotifyClientTermination", request, service_pb2.NotifyClientTerminationResponse, timeout_s=timeout_s
        )
        check(response.status)

    def poll_of(self, group: str, queue: definition_pb2.MessageQueue, *, wanted: Filter, lease_s: float) -> bytes:
        """What all receives at the queue's broker have in common, encoded."""
        request = service_pb2.ReceiveMessageRequest(
            group=self.resource(group),
            message_queue=queue,
            filter_expression=wanted.to_protobuf(),
            invisible_duration=duration(lease_s),
            long_polling_timeout=duration(POLL_S),
        )
        return bytes(request.SerializeToString())

    async def receive(self, poll: bytes, *, batch: int, attempt_id: str) -> list[Delivery]:
        """One long poll, of what `poll_of` gave; from which of its queues is the broker's choice."""
        # Encoded messages one behind the other are one message with the fields of both.
        request = poll + service_pb2.ReceiveMessageRequest(batch_size=batch, attempt_id=attempt_id).SerializeToString()
        timeout_s = POLL_S + max(_LEAST_BEYOND_POLL_S, self._timeout_s)
        return deliveries_in(await self._frames("ReceiveMessage", request, timeout_s))

    async def ack(self, group: str, topic: str, entries: Sequence[tuple[str, str]]) -> list[Settled]:
        """Ack (message id, handle) pairs; answers in their order."""
        request = service_pb2.AckMessageRequest(group=self.resource(group), topic=self.resource(topic))
        add = request.entries.add
        for message_id, handle in entries:
            entry = add()
            entry.message_id = message_id
            entry.receipt_handle = handle
        return settled_by(entries, await self._call("AckMessage", request, service_pb2.AckMessageResponse))

    async def change_invisible_duration(
        self, group: str, topic: str, message_id: str, handle: str, *, duration_s: float, suspend: bool
    ) -> str:
        """Returns the new handle, repaired. With `suspend` the delivery does not count as an attempt (from 5.5.0)."""
        request = service_pb2.ChangeInvisibleDurationRequest(
            group=self.resource(group),
            topic=self.resource(topic),
            message_id=message_id,
            receipt_handle=handle,
            invisible_duration=duration(duration_s),
            suspend=suspend,
        )
        response = await self._call("ChangeInvisibleDuration", request, service_pb2.ChangeInvisibleDurationResponse)
        check(response.status)
        return repair(response.receipt_handle)

    async def forward_to_dead_letter_queue(
        self, group: str, topic: str, message_id: str, handle: str, *, attempt: int, limit: int
    ) -> None:
        request = service_pb2.ForwardMessageToDeadLetterQueueRequest(
            group=self.resource(group),
            topic=self.resource(topic),
            message_id=message_id,
            receipt_handle=handle,
            delivery_attempt=attempt,
            max_delivery_attempts=limit,
        )
        response = await self._call(
            "ForwardMessageToDeadLetterQueue", request, service_pb2.ForwardMessageToDeadLetterQueueResponse
        )
        check(response.status)

    async def send(self, request: bytes) -> list[service_pb2.SendResultEntry]:
        """Store the messages of an encoded SendMessageRequest; several of NORMAL type have one entry together."""
        response = await self._call("SendMessage", request, service_pb2.SendMessageResponse)
        for entry in response.entries:
            check(entry.status)
        check(response.status)
        if not response.entries:
            raise TransportError("the answer to SendMessage has no entry")
        return list(response.entries)

    async def end_transaction(
        self, topic: str, message_id: str, transaction_id: str, *, commit: bool, asked: bool
    ) -> None:
        """Deliver a half message or drop it; `asked` when the server wanted to know."""
        request = service_pb2.EndTransactionRequest(
            topic=self.resource(topic),
            message_id=message_id,
            transaction_id=transaction_id,
            resolution=definition_pb2.COMMIT if commit else definition_pb2.ROLLBACK,
            source=definition_pb2.SOURCE_SERVER_CHECK if asked else definition_pb2.SOURCE_CLIENT,
        )
        response = await self._call("EndTransaction", request, service_pb2.EndTransactionResponse)
        check(response.status)

    def resource(self, name: str) -> definition_pb2.Resource:
        """A topic or group in the instance's namespace."""
        return definition_pb2.Resource(resource_namespace=self._namespace, name=name)

    async def _frames(self, method: str, request: Message | bytes, timeout_s: float) -> list[bytes]:
        message = request if isinstance(request, bytes) else request.SerializeToString()
        return await self._channel.call(method, message, headers=self._metadata.lines(), timeout_s=timeout_s)

    async def _call(
        self, method: str, request: Message | bytes, response_type: type[Response], *, timeout_s: float | None = None
    ) -> Response:
        frames = await self._frames(method, request, timeout_s or self._timeout_s)
        if len(frames) != 1:
            raise TransportError(f"{len(frames)} messages in the answer to {method}, 1 is due")
        try:
            return response_type.FromString(frames[0])
        except DecodeError as error:
            raise TransportError(f"answer to {method} cannot be parsed: {error}") from error


def duration(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(seconds=whole, nanos=round((seconds - whole) * 1e9))
