"""Unpacks a message's body. Pure; runs in the thread that asks for the body.

The proxy's digest is not computed again: it was a sixth of all that a message costs, for bytes that TCP or TLS has
checked already; a compressed body has a checksum of its own. A proxy says GZIP for every compressed body; clients of
the older protocol send zlib, and on request LZ4 or Zstandard.
"""

import gzip
import zlib

from sylph_mp.errors import BrokerError

_GZIP_MAGIC = b"\x1f\x8b"


class CorruptBodyError(BrokerError):
    """A body cannot be decompressed; receiving it again does not mend it."""


def unpack(body: bytes, message_id: str) -> bytes:
    """A compressed body as the sender had it. Raises CorruptBodyError."""
    try:
        return gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else zlib.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptBodyError(f"body of message {message_id} cannot be decompressed: {error}") from error
