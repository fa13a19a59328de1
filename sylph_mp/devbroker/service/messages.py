"""Messages as they cross the wire: protobuf to `Record`, and a delivery to protobuf.

The other side of this boundary is the client's. Field names and meanings: apache/rocketmq-apis definition.proto.
"""

import hashlib
from typing import Any

from rocketmq.grpc_protocol import definition_pb2 as definition

from sylph_mp.devbroker.store.record import Delivery, Kind, Record

NANOS_OF_MS = 1_000_000


def full_name(resource: Any) -> str:
    """The broker's name of a topic or group: `namespace%name`, or the name alone."""
    return f"{resource.resource_namespace}%{resource.name}" if resource.resource_namespace else str(resource.name)


def kind_of(message: Any) -> Kind:
    """The type that the properties say, whatever the message calls itself, as the proxy decides it."""
    system = message.system_properties
    if system.message_type == definition.TRANSACTION:
        return Kind.TRANSACTION
    if system.HasField("delivery_timestamp"):
        return Kind.DELAY
    return Kind.FIFO if system.message_group else Kind.NORMAL


def record_of(message: Any) -> Record:
    system = message.system_properties
    kind = kind_of(message)
    properties = dict(message.user_properties)
    # Consumers of the real one see these among the user's properties.
    if kind is Kind.TRANSACTION:
        properties["__transactionId__"] = system.message_id
    if kind is Kind.FIFO:
        properties["__SHARDINGKEY"] = system.message_group
    if system.trace_context:
        properties["TRACE_CONTEXT"] = system.trace_context
    return Record(
        id=system.message_id,
        kind=kind,
        body=message.body,
        encoding=system.body_encoding,
        digest=hashlib.md5(message.body, usedforsecurity=False).hexdigest().upper(),
        tag=system.tag if system.HasField("tag") else None,
        keys=tuple(system.keys),
        properties=properties,
        group=system.message_group if system.HasField("message_group") else None,
        born_ms=milliseconds(system.born_timestamp),
        born_host=system.born_host,
        deliver_at_ms=milliseconds(system.delivery_timestamp) if kind is Kind.DELAY else None,
        trace_context=system.trace_context if system.HasField("trace_context") else None,
    )


def message_of(topic: Any, record: Record) -> Any:
    """The message as its producer sent it; `topic` is the resource as the client names it."""
    message = definition.Message(topic=topic, body=record.body, user_properties=record.properties)
    system = message.system_properties
    system.message_id = record.id
    system.message_type = record.kind
    system.body_encoding = record.encoding
    system.body_digest.type = definition.MD5
    system.body_digest.checksum = record.digest
    system.keys.extend(record.keys)
    system.born_timestamp.FromMilliseconds(record.born_ms)
    system.born_host = record.born_host
    for name in ("tag", "trace_context"):
        if (value := getattr(record, name)) is not None:
            setattr(system, name, value)
    if record.group is not None:
        system.message_group = record.group
    if record.deliver_at_ms is not None:
        system.delivery_timestamp.FromMilliseconds(record.deliver_at_ms)
    return message


def delivered(topic: Any, delivery: Delivery, store_host: str) -> Any:
    """The message as a consumer receives it."""
    message = message_of(topic, delivery.entry.record)
    system = message.system_properties
    system.store_timestamp.FromMilliseconds(delivery.entry.stored_ms)
    system.store_host = store_host
    system.receipt_handle = delivery.handle.text
    system.queue_id = delivery.entry.queue
    system.queue_offset = delivery.entry.offset
    system.delivery_attempt = delivery.attempt
    return message


def milliseconds(timestamp_or_duration: Any) -> int:
    nanos: int = timestamp_or_duration.nanos
    seconds: int = timestamp_or_duration.seconds
    return seconds * 1000 + nanos // NANOS_OF_MS
