"""The byte layout of a slot's segment: where its parts lie, and the header that says so.

Pure; the master packs the header, every process that attaches unpacks it.

Integers are little-endian, and so are the hosts (x86-64, arm64). Parts begin at multiples of 64, the arena at a page:

    ┌────────┬────────┬───────┬──────────┬─────────────────┬──────────┬────────┬─────────┬───────┐
    │ header │ vitals │ polls │ recorder │ in-flight table │ receipts │ outbox │ padding │ arena │
    └────────┴────────┴───────┴──────────┴─────────────────┴──────────┴────────┴─────────┴───────┘

Header:

      0 magic        8 bytes, written last: a segment without it is not finished
      8 version      u32, LAYOUT_VERSION        12 header_bytes u32, with topic names and padding
     16 slot         u32                        20 master_pid   u32
     24 entries      u32                        28 threads      u32
     32 arena_bytes  u64                        40 vitals_at    u64
     48 table_at     u64                        56 arena_at     u64
     64 total_bytes  u64                        72 topics       u32
     76 outbox_bytes u32                        80 polls_at     u64
     88 recorder_at  u64                        96 receipts_at  u64
    104 outbox_at    u64                       112 zero to 128: room for the offset of a further part
    128 topics times: length u16 | name in UTF-8; the position is the topic's index everywhere else
"""

import struct

from msgspec import Struct

MAGIC = b"sylphseg"
#: Changes with any change that a process of the version before would misread.
LAYOUT_VERSION = 3

VITALS_HEAD_BYTES = 64
#: Nine counters are in use; a line holds sixteen, so that one more changes no offset.
TOPIC_LINE_BYTES = 128
THREAD_LINE_BYTES = 8
ENTRY_BYTES = 64
PAGE_BYTES = 4096
#: What polls a process has outstanding at ordered topics; one line each.
POLL_LINES = 64
POLL_LINE_BYTES = 64
#: The flight recorder: last log lines, last outcomes, memory and CPU.
RECORDER_BYTES = 128 << 10
#: Outputs that may wait for their receipt at once; a power of two.
RECEIPT_CELLS = 8192
RECEIPT_CELL_BYTES = 8
OUTBOX_HEAD_BYTES = 128
DEFAULT_OUTBOX_BYTES = 2 << 20

_HEADER = struct.Struct("<8sIIIIIIQQQQQIIQQQQ")
_NAMES_AT = 128
_NAME_LENGTH = struct.Struct("<H")


def _round_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


class Geometry(Struct, frozen=True, kw_only=True):
    """How many of what a segment holds; everything about its layout follows. Raises ValueError beyond the limits."""

    topics: tuple[str, ...]
    """Index = position."""
    entries: int
    threads: int
    """Most WorkerPool threads that the slot's process may have."""
    arena_bytes: int
    outbox_bytes: int = DEFAULT_OUTBOX_BYTES
    """Room for the outputs that the master has not taken yet, a multiple of 64."""

    def __post_init__(self) -> None:
        limits = (
            ("topics", len(self.topics), 1, 0xFFFF),
            ("entries", self.entries, 1, 1 << 20),
            ("threads", self.threads, 1, 0xFFFE),
            ("arena_bytes", self.arena_bytes, PAGE_BYTES, 1 << 32),
            ("outbox_bytes", self.outbox_bytes, PAGE_BYTES, 1 << 30),
        )
        for name, value, least, most in limits:
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}, {least} to {most} can be laid out")

    @property
    def header_bytes(self) -> int:
        names = sum(_NAME_LENGTH.size + len(topic.encode()) for topic in self.topics)
        return _round_up(_NAMES_AT + names, 64)

    @property
    def vitals_at(self) -> int:
        return self.header_bytes

    @property
    def vitals_bytes(self) -> int:
        lines = TOPIC_LINE_BYTES * len(self.topics) + THREAD_LINE_BYTES * self.threads
        return _round_up(VITALS_HEAD_BYTES + lines, 64)

    @property
    def polls_at(self) -> int:
        return self.vitals_at + self.vitals_bytes

    @property
    def recorder_at(self) -> int:
        return self.polls_at + POLL_LINES * POLL_LINE_BYTES

    @property
    def table_at(self) -> int:
        return self.recorder_at + RECORDER_BYTES

    @property
    def table_bytes(self) -> int:
        return ENTRY_BYTES * self.entries

    @property
    def receipts_at(self) -> int:
        return self.table_at + self.table_bytes

    @property
    def outbox_at(self) -> int:
        return self.receipts_at + RECEIPT_CELLS * RECEIPT_CELL_BYTES

    @property
    def arena_at(self) -> int:
        return _round_up(self.outbox_at + OUTBOX_HEAD_BYTES + self.outbox_bytes, PAGE_BYTES)

    @property
    def total_bytes(self) -> int:
        return _round_up(self.arena_at + self.arena_bytes, PAGE_BYTES)

    @property
    def offsets(self) -> list[int]:
        """Where each part begins, in the order in which they lie, and where the last ends."""
        return [
            self.vitals_at,
            self.polls_at,
            self.recorder_at,
            self.table_at,
            self.receipts_at,
            self.outbox_at,
            self.arena_at,
            self.total_bytes,
        ]


class Header(Struct, frozen=True, kw_only=True):
    """What the master writes once at the segment's begin."""

    slot: int
    master_pid: int
    geometry: Geometry

    def pack(self) -> bytes:
        """`geometry.header_bytes` bytes, magic and all."""
        made = self.geometry
        fixed = _HEADER.pack(
            MAGIC,
            LAYOUT_VERSION,
            made.header_bytes,
            self.slot,
            self.master_pid,
            made.entries,
            made.threads,
            made.arena_bytes,
            made.vitals_at,
            made.table_at,
            made.arena_at,
            made.total_bytes,
            len(made.topics),
            made.outbox_bytes,
            made.polls_at,
            made.recorder_at,
            made.receipts_at,
            made.outbox_at,
        )
        names = [topic.encode() for topic in made.topics]
        text = b"".join(_NAME_LENGTH.pack(len(name)) + name for name in names)
        return (fixed.ljust(_NAMES_AT, b"\0") + text).ljust(made.header_bytes, b"\0")

    @classmethod
    def unpack(cls, data: bytes | memoryview) -> "Header":
        """Read the header at the begin of `data`; raises ValueError if there is none of this version."""
        if len(data) < _NAMES_AT:
            raise ValueError(f"{len(data)} bytes are too few for a header")
        magic, version, header_bytes, slot, master_pid, *rest = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise ValueError("it does not begin with the mark of a finished segment")
        if version != LAYOUT_VERSION:
            raise ValueError(f"it has layout version {version}, this program reads {LAYOUT_VERSION}")
        entries, threads, arena_bytes, vitals_at, table_at, arena_at, total_bytes, count, outbox_bytes, *others = rest
        parts = [vitals_at, *others[:2], table_at, *others[2:], arena_at, total_bytes]
        geometry = Geometry(
            topics=_unpack_names(bytes(data[_NAMES_AT:header_bytes]), count),
            entries=entries,
            threads=threads,
            arena_bytes=arena_bytes,
            outbox_bytes=outbox_bytes,
        )
        computed = geometry.offsets
        if header_bytes != geometry.header_bytes or parts != computed:
            raise ValueError("its offsets do not follow from its sizes")
        return cls(slot=slot, master_pid=master_pid, geometry=geometry)


def _unpack_names(data: bytes, count: int) -> tuple[str, ...]:
    names = []
    at = 0
    for _ in range(count):
        if at + _NAME_LENGTH.size > len(data):
            raise ValueError("its topic names are cut short")
        (length,) = _NAME_LENGTH.unpack_from(data, at)
        at += _NAME_LENGTH.size
        names.append(data[at : at + length].decode())
        at += length
    return tuple(names)
