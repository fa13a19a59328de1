"""The answer to a receive, cut down to the fields that every delivery is asked for. Pure.

It is the protocol's own message, derived from its descriptors, with most fields taken out. To it the rest of a frame is
unknown: bytes copied in one piece, for which no objects are made.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from rocketmq.grpc_protocol import service_pb2

_KEPT: Mapping[str, frozenset[str]] = {
    "ReceiveMessageResponse": frozenset({"status", "message"}),
    "Message": frozenset({"system_properties", "body"}),
    "SystemProperties": frozenset(
        {
            "message_id",
            "body_encoding",
            "store_timestamp",
            "receipt_handle",
            "queue_id",
            "queue_offset",
            "delivery_attempt",
            "message_group",
        }
    ),
}


def _files(file: FileDescriptor) -> Iterable[FileDescriptor]:
    """The file behind those that it imports, each once."""
    found: dict[str, FileDescriptor] = {}
    for imported in file.dependencies:
        found |= {each.name: each for each in _files(imported)}
    return (found | {file.name: file}).values()


def _cut(message: DescriptorProto, kept: frozenset[str]) -> None:
    fields = [field for field in message.field if field.name in kept]
    if len(fields) != len(kept):
        raise LookupError(f"{message.name} of the protocol lacks one of {', '.join(sorted(kept))}")
    for field in fields:
        field.ClearField("oneof_index")  # on the wire a field of a oneof is a field like any other
        field.ClearField("proto3_optional")
    del message.field[:], message.oneof_decl[:]
    message.field.extend(fields)


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in _files(service_pb2.DESCRIPTOR):
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        for message in proto.message_type:
            if message.name in _KEPT:
                _cut(message, _KEPT[message.name])
        pool.AddSerializedFile(proto.SerializeToString())
    return pool


ReceiveMessageResponse: Any = GetMessageClass(
    _pool().FindMessageTypeByName(service_pb2.ReceiveMessageResponse.DESCRIPTOR.full_name)
)
