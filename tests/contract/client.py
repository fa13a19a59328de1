"""A plain, blocking client of the RocketMQ protocol, so that the contract is checked without our own.

Answers are the protobuf messages themselves; a gRPC error is raised as grpc.RpcError. Used by tests, in any thread.
"""

import itertools
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from rocketmq.grpc_protocol import definition_pb2 as d
from rocketmq.grpc_protocol import service_pb2 as s

SERVICE = "/apache.rocketmq.v2.MessagingService/"
STREAMED = {"ReceiveMessage", "PullMessage"}
#: An answer takes some milliseconds, and seconds on a busy host; one that never comes is found all the same.
ANSWER_S = 20.0
_numbers = itertools.count()


@dataclass(frozen=True)
class Received:
    code: int
    text: str
    messages: list[Any]

    @property
    def bodies(self) -> list[str]:
        return [message.body.decode() for message in self.messages]

    @property
    def attempts(self) -> list[int]:
        return [message.system_properties.delivery_attempt for message in self.messages]


class Telemetry:
    """The open stream: what the server says is read by a thread, and handed out by `next`."""

    def __init__(self, call_of: Any) -> None:
        self._outgoing: queue.Queue[Any] = queue.Queue()
        self._incoming: queue.Queue[Any] = queue.Queue()
        self._call = call_of(iter(self._outgoing.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def write(self, settings: Any) -> Any:
        self._outgoing.put(s.TelemetryCommand(settings=settings))

    def next(self, field: str, timeout: float = ANSWER_S) -> Any:
        """The next command that has `field`; raises grpc.RpcError when the server ends the stream."""
        until = time.monotonic() + timeout
        while True:
            command = self._incoming.get(timeout=max(0.01, until - time.monotonic()))
            if isinstance(command, grpc.RpcError):
                raise command
            if command.HasField(field):
                return command

    def close(self) -> None:
        self._outgoing.put(None)

    def _read(self) -> None:
        try:
            for command in self._call:
                self._incoming.put(command)
        except grpc.RpcError as error:
            self._incoming.put(error)


class Client:
    def __init__(self, endpoint: str, *, client_id: str | None = None) -> None:
        self.id = client_id or f"contract@{uuid.uuid4().hex[:12]}"
        self.metadata = (("x-mq-client-id", self.id), ("x-mq-language", "PYTHON"), ("x-mq-client-version", "5.1.2"))
        # A pool of its own: clients in one process would share a connection otherwise.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        self._channel = grpc.insecure_channel(endpoint, options=options)

    def close(self) -> None:
        self._channel.close()

    def call(self, method: str, request: Any, *, timeout: float | None = ANSWER_S, metadata: Any = None) -> Any:
        """A unary call by its name; a streamed one gives the list of its answers."""
        stub = self._stub(method, type(request))
        answer = stub(request, timeout=timeout, metadata=self.metadata if metadata is None else metadata)
        return list(answer) if method in STREAMED else answer

    def _stub(self, method: str, request_type: Any) -> Any:
        kind = self._channel.unary_stream if method in STREAMED else self._channel.unary_unary
        return kind(
            SERVICE + method,
            request_serializer=request_type.SerializeToString,
            response_deserializer=getattr(s, f"{method}Response").FromString,
        )

    def telemetry(self) -> Telemetry:
        stub = self._channel.stream_stream(
            SERVICE + "Telemetry",
            request_serializer=s.TelemetryCommand.SerializeToString,
            response_deserializer=s.TelemetryCommand.FromString,
        )
        return Telemetry(lambda outgoing: stub(outgoing, metadata=self.metadata))

    def publish(self, *topics: str) -> Telemetry:
        """Register as a producer of these topics; returns when the server has answered."""
        settings = d.Settings(client_type=d.PRODUCER)
        settings.publishing.topics.extend(d.Resource(name=topic) for topic in topics)
        stream = self.telemetry()
        stream.write(settings)
        stream.next("settings")
        return stream

    def subscribe(self, group: str, *topics: str, client_type: int = d.SIMPLE_CONSUMER) -> Any:
        """Register as a consumer; returns the server's settings."""
        settings = d.Settings(client_type=client_type)
        settings.subscription.group.name = group
        for topic in topics:
            entry = settings.subscription.subscriptions.add()
            entry.topic.name = topic
            entry.expression.CopyFrom(d.FilterExpression(type=d.TAG, expression="*"))
        stream = self.telemetry()
        stream.write(settings)
        return stream.next("settings").settings

    def send(self, *messages: Any) -> Any:
        return self.call("SendMessage", s.SendMessageRequest(messages=messages))

    def receive(
        self,
        topic: str,
        group: str,
        *,
        batch: int = 32,
        invisible: float | None = 10,
        poll: float | None = 5,
        timeout: float | None = 5 + ANSWER_S,
        **options: Any,
    ) -> Received:
        """`options` as `receive_request` has them."""
        request = receive_request(topic, group, batch=batch, invisible=invisible, poll=poll, **options)
        answers = self.call("ReceiveMessage", request, timeout=timeout)
        statuses = [answer.status for answer in answers if answer.HasField("status")]
        messages = [answer.message for answer in answers if answer.HasField("message")]
        return Received(statuses[0].code, statuses[0].message, messages)

    def abandon_poll(self, topic: str, group: str, *, invisible: float, waits: float) -> None:
        """Poll, and cancel it after so long: it goes on in the broker."""
        poll = self._stub("ReceiveMessage", s.ReceiveMessageRequest)(
            receive_request(topic, group, invisible=invisible), timeout=ANSWER_S, metadata=self.metadata
        )
        time.sleep(waits)
        poll.cancel()

    def collect(self, topic: str, group: str, count: int, *, within: float = 15, **options: Any) -> list[Any]:
        """Receive until `count` messages are there or the time is over."""
        got: list[Any] = []
        until = time.monotonic() + within
        while len(got) < count and time.monotonic() < until:
            got += self.receive(topic, group, **options).messages
        return got

    def ack(self, topic: str, group: str, *entries: Any) -> Any:
        """Ack received messages, or (message id, handle) pairs."""
        request = s.AckMessageRequest(topic=d.Resource(name=topic), group=d.Resource(name=group))
        for entry in entries:
            message_id, handle = entry if isinstance(entry, tuple) else identity(entry)
            request.entries.add(message_id=message_id, receipt_handle=handle)
        return self.call("AckMessage", request)

    def change(self, topic: str, group: str, entry: Any, seconds: float, *, suspend: bool | None = None) -> Any:
        message_id, handle = entry if isinstance(entry, tuple) else identity(entry)
        request = s.ChangeInvisibleDurationRequest(
            topic=d.Resource(name=topic), group=d.Resource(name=group), message_id=message_id, receipt_handle=handle
        )
        request.invisible_duration.FromNanoseconds(int(seconds * 1e9))
        if suspend is not None:
            request.suspend = suspend
        return self.call("ChangeInvisibleDuration", request)

    def dead_letter(self, topic: str, group: str, message: Any) -> Any:
        message_id, handle = identity(message)
        request = s.ForwardMessageToDeadLetterQueueRequest(
            topic=d.Resource(name=topic),
            group=d.Resource(name=group),
            message_id=message_id,
            receipt_handle=handle,
            delivery_attempt=1,
            max_delivery_attempts=16,
        )
        return self.call("ForwardMessageToDeadLetterQueue", request)

    def end_transaction(self, topic: str, entry: Any, resolution: int, *, source: int = d.SOURCE_CLIENT) -> Any:
        """`entry` is the send's answer entry, or a RecoverOrphanedTransactionCommand."""
        message_id = entry.message.system_properties.message_id if hasattr(entry, "message") else entry.message_id
        request = s.EndTransactionRequest(
            topic=d.Resource(name=topic),
            message_id=message_id,
            transaction_id=entry.transaction_id,
            resolution=resolution,
            source=source,
        )
        return self.call("EndTransaction", request)

    def heartbeat(self, group: str) -> Any:
        request = s.HeartbeatRequest(group=d.Resource(name=group), client_type=d.SIMPLE_CONSUMER)
        return self.call("Heartbeat", request)


def identity(message: Any) -> tuple[str, str]:
    return message.system_properties.message_id, message.system_properties.receipt_handle


def receive_request(
    topic: str,
    group: str,
    *,
    batch: int = 32,
    invisible: float | None = 10,
    poll: float | None = 5,
    attempt_id: str | None = None,
    tag: str = "*",
    sql: str | None = None,
    auto_renew: bool = False,
) -> Any:
    """Times in seconds; None leaves them out."""
    request = s.ReceiveMessageRequest(
        group=d.Resource(name=group), batch_size=batch, attempt_id=attempt_id, auto_renew=auto_renew
    )
    request.message_queue.topic.name = topic
    request.message_queue.broker.name = "broker-a"
    expression = d.FilterExpression(type=d.SQL, expression=sql) if sql else d.FilterExpression(type=1, expression=tag)
    request.filter_expression.CopyFrom(expression)
    if invisible is not None:
        request.invisible_duration.FromNanoseconds(int(invisible * 1e9))
    if poll is not None:
        request.long_polling_timeout.FromNanoseconds(int(poll * 1e9))
    return request


def message(
    topic: str,
    body: str | bytes = "x",
    *,
    kind: int = d.NORMAL,
    group: str | None = None,
    tag: str | None = None,
    keys: Sequence[str] = (),
    at: float | None = None,
    **properties: str,
) -> Any:
    """A message to send; `at` is the delivery time in seconds since 1970."""
    made = d.Message(topic=d.Resource(name=topic), body=body.encode() if isinstance(body, str) else body)
    made.user_properties.update(properties)
    system = made.system_properties
    system.message_id = f"01{uuid.uuid4().hex[:20].upper()}{next(_numbers):08X}"
    system.message_type = kind
    system.body_encoding = d.IDENTITY
    system.born_timestamp.GetCurrentTime()
    system.born_host = "contract"
    system.keys.extend(keys)
    if tag is not None:
        system.tag = tag
    if group is not None:
        system.message_group = group
    if at is not None:
        system.delivery_timestamp.FromNanoseconds(int(at * 1e9))
    return made


def fifo(topic: str, group: str, bodies: Iterator[str] | Sequence[str]) -> list[Any]:
    return [message(topic, body, kind=d.FIFO, group=group) for body in bodies]


def repaired(handle: str) -> str:
    """A LOCAL proxy of 5.5.0 gives broken handles after a change; a right one stays as it is."""
    fields = handle.split(" ")
    fields[0] = fields[7]
    if len(fields) == 10:
        del fields[8]
    return " ".join(fields)
