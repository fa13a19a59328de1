"""gRPC's frames and status within HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Pure.

0            1        5
├────────────┼────────┼──────────┐
│ compressed │ length │ protobuf │      compressed: 0; length: u32 big-endian, of the protobuf
└────────────┴────────┴──────────┘
"""

import struct
from collections.abc import Iterable
from urllib.parse import unquote

from sylph_mp.errors import GrpcError, TransportError

HEAD = struct.Struct(">BI")

OK = 0
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
PERMISSION_DENIED = 7
UNAUTHENTICATED = 16

#: What an HTTP status means where no gRPC status came (grpc/doc/http-grpc-status-mapping.md); all others: UNKNOWN.
_STATUS_OF_HTTP = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_UNKNOWN = 2


def encode(message: bytes) -> bytes:
    return HEAD.pack(0, len(message)) + message


def split(data: bytes) -> list[bytes]:
    """The messages of a complete answer. Raises TransportError for one that is cut short or compressed."""
    messages = []
    start, end = 0, len(data)
    unpack = HEAD.unpack_from
    while start < end:
        if end - start < HEAD.size:
            raise TransportError("answer cut short")
        compressed, length = unpack(data, start)
        start += HEAD.size
        if compressed or start + length > end:
            raise TransportError("compressed answer" if compressed else "answer cut short")
        messages.append(data[start : start + length])
        start += length
    return messages


def take(buffer: bytearray) -> list[bytes]:
    """Remove the complete messages from the start of a stream's buffer."""
    messages = []
    while len(buffer) >= HEAD.size:
        _, length = HEAD.unpack_from(buffer)
        end = HEAD.size + length
        if len(buffer) < end:
            break
        messages.append(bytes(buffer[HEAD.size : end]))
        del buffer[:end]
    return messages


def refusal_in(headers: Iterable[bytes], http_status: int) -> GrpcError | TransportError | None:
    """What the header and trailer lines of an answer say, None for OK."""
    status, text = None, ""
    for line in headers:
        name, _, value = line.partition(b":")
        if name == b"grpc-status":
            status = int(value)
        elif name == b"grpc-message":
            text = unquote(value.strip().decode("latin-1"))
    if status is not None:
        return None if status == OK else GrpcError(status, text)
    if http_status != 200:
        return GrpcError(_STATUS_OF_HTTP.get(http_status, _UNKNOWN), f"HTTP status {http_status}")
    return TransportError("answer without gRPC status")
