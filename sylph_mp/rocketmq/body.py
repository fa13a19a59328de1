"""Checks and unpacks a message's body. Pure; runs in the thread that asks for the body.

A proxy says GZIP for every compressed body; clients of the older protocol send zlib, and on request LZ4 or Zstandard.
"""

import gzip
import hashlib
import zlib

from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.errors import BrokerError

_GZIP_MAGIC = b"\x1f\x8b"


class CorruptBodyError(BrokerError):
    """A body does not fit its checksum or cannot be decompressed; receiving it again does not mend it."""


def unpack(body: bytes, properties: definition_pb2.SystemProperties) -> bytes:
    """The body as the sender had it. The checksum is of the bytes on the wire. Raises CorruptBodyError."""
    digest = properties.body_digest
    if digest.checksum and not _fits(body, digest.type, digest.checksum):
        raise CorruptBodyError(f"body of message {properties.message_id} does not fit its checksum")
    if properties.body_encoding != definition_pb2.GZIP:
        return body
    try:
        return gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else zlib.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptBodyError(f"body of message {properties.message_id} cannot be decompressed: {error}") from error


def _fits(body: bytes, kind: int, checksum: str) -> bool:
    if kind == definition_pb2.MD5:
        return hashlib.md5(body, usedforsecurity=False).hexdigest() == checksum.lower()
    if kind == definition_pb2.SHA1:
        return hashlib.sha1(body, usedforsecurity=False).hexdigest() == checksum.lower()
    if kind == definition_pb2.CRC32:
        return f"{zlib.crc32(body):x}" == checksum.lower().lstrip("0")
    return True
