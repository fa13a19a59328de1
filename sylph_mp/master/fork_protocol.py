"""What master and forkserver say to each other.

On a SOCK_SEQPACKET socket pair: one datagram is one tagged msgpack Struct, its end is the end of the other side.

    master ── Fork + the consumer's end of its pipe (SCM_RIGHTS) ──► forkserver
    master ◄─ Loaded, Forked | NotForked, Ended ──────────────────── forkserver
                      └ in the order of the Forks

What the consumer is to do is not said here: the first frame on its pipe is its `pipe.Spawn`.
"""

import msgspec
from msgspec import Struct

#: No datagram of ours is near it.
MAX_DATAGRAM = 4096


class Fork(Struct, tag=True, frozen=True):
    slot: int
    """For the title that `ps` shows until the consumer sets its own."""


class Loaded(Struct, tag=True, frozen=True):
    """All modules are imported; sent once."""

    took_s: float


class Forked(Struct, tag=True, frozen=True):
    pid: int


class NotForked(Struct, tag=True, frozen=True):
    """fork(2) failed: no memory, or too many processes."""

    reason: str


class Ended(Struct, tag=True, frozen=True):
    pid: int
    exit_code: int
    """As of os.waitstatus_to_exitcode: negative for a signal."""


Answer = Loaded | Forked | NotForked | Ended

REQUESTS: "msgspec.msgpack.Decoder[Fork]" = msgspec.msgpack.Decoder(Fork)
ANSWERS: "msgspec.msgpack.Decoder[Answer]" = msgspec.msgpack.Decoder(Answer)


def encode(message: Fork | Answer) -> bytes:
    return msgspec.msgpack.encode(message)
