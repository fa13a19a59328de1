"""The layout's bytes are fixed: a change of them is a change of LAYOUT_VERSION."""

import struct

import pytest

from sylph_mp.shm import layout
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.handles import write_handle
from sylph_mp.shm.layout import Geometry, Header
from sylph_mp.shm.table import EntryOutcome, Table
from sylph_mp.shm.vitals import VitalsState, VitalsWriter


def test_header_of_version_3():
    geometry = Geometry(topics=("orders", "größe"), entries=1024, threads=8, arena_bytes=16 << 20, outbox_bytes=1 << 20)

    packed = Header(slot=3, master_pid=4711, geometry=geometry).pack()

    assert packed == (
        b"sylphseg"
        + struct.pack("<6I", 3, 192, 3, 4711, 1024, 8)
        + struct.pack("<5Q", 16 << 20, 192, 135744, 1318912, 1318912 + (16 << 20))
        + struct.pack("<II", 2, 1 << 20)
        + struct.pack("<4Q", 576, 4672, 201280, 266816)
        + bytes(16)
        + b"\x06\x00orders\x07\x00gr\xc3\xb6\xc3\x9fe"
        + bytes(47)
    )


def test_parts_of_version_3():
    geometry = Geometry(topics=("a", "b", "c"), entries=100, threads=5, arena_bytes=5000, outbox_bytes=10_000)

    assert geometry.header_bytes == 192
    assert (geometry.vitals_at, geometry.vitals_bytes) == (192, 512)
    assert (geometry.polls_at, geometry.recorder_at) == (704, 704 + 64 * 64)
    assert (geometry.table_at, geometry.table_bytes) == (4800 + 131_072, 6400)
    assert geometry.receipts_at == 135_872 + 6400
    assert geometry.outbox_at == 142_272 + 8 * 8192
    assert (geometry.arena_at, geometry.total_bytes) == (221_184, 221_184 + 8192)


def test_entry_of_version_3(segment):
    table = Table(segment)

    table.put(2, 1, 9, 1, 128, 0x1000, 0x2345, 5_000_000_001, 4_000_000_002)
    table.start(2, 3, 4_000_000_003)
    table.finish(2, EntryOutcome.RETRY, 30_000)
    table.extend(2, 6_000_000_004, 0x4000, 254, 1)

    at = segment.geometry.table_at + 2 * 64
    assert segment.buf[at : at + 64] == (
        struct.pack("<BBHI", 3, 2, 0, 30_000)
        + struct.pack("<BBHI", 1, 128, 1, 9)
        + struct.pack("<II", 0x1000, 0x2345)
        + struct.pack("<qqq", 6_000_000_004, 4_000_000_002, 4_000_000_003)
        + struct.pack("<IHBx", 0x4000, 254, 1)
        + bytes(8)
    )
    table.put(0, 0, 1, 0, 0, 0, 1, 1, 1)
    table.start(0, 0x0102, 7)
    assert segment.buf[segment.geometry.table_at :][:8] == bytes([2, 0, 0x02, 0x01, 0, 0, 0, 0])


def test_vitals_of_version_3(segment):
    vitals = VitalsWriter(segment)
    vitals.open(77, 1)
    vitals.state = VitalsState.DRAINING
    vitals.beat(5_000_000_000)
    vitals.count(1, range(1, 10))
    vitals.thread(2, 0xABCDEF)

    at, size = segment.geometry.vitals_at, segment.geometry.vitals_bytes
    assert segment.buf[at : at + size] == (
        struct.pack("<IIB7xq", 77, 1, 2, 5_000_000_000)
        + bytes(40)
        + bytes(128)
        + struct.pack("<9Q", *range(1, 10))
        + bytes(56)
        + struct.pack("<4Q", 0, 0, 0xABCDEF, 0)
        + bytes(32)
    )


def test_handles_of_version_3(segment):
    arena = Arena(segment)
    write_handle(arena, 512, 16, 0, "old")
    write_handle(arena, 512, 16, 1, "newer")

    assert arena.read(512, 32) == b"\x03\x00old".ljust(16, b"\0") + b"\x05\x00newer".ljust(16, b"\0")


def test_a_handle_longer_than_its_room_is_refused(segment):
    with pytest.raises(ValueError, match="15 bytes does not fit room 1 of 16 bytes"):
        write_handle(Arena(segment), 0, 16, 1, "x" * 15)
    assert segment.buf[segment.geometry.arena_at :][:32] == bytes(32)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"entries": 0}, "entries is 0"),
        ({"threads": 0xFFFF}, "threads is 65535"),
        ({"arena_bytes": (4 << 30) + 1}, "arena_bytes is 4294967297"),
        ({"topics": ()}, "topics is 0"),
    ],
)
def test_what_cannot_be_laid_out_is_refused(change, says):
    fits = {"topics": ("a",), "entries": 1, "threads": 1, "arena_bytes": layout.PAGE_BYTES}
    Geometry(**fits)
    with pytest.raises(ValueError, match=says):
        Geometry(**(fits | change))


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (0, b"S", "mark of a finished segment"),
        (8, b"\x02", "layout version 2, this program reads 3"),
        (48, b"\x01", "offsets do not follow"),
        (72, b"\xff\xff", "cut short"),
    ],
)
def test_a_header_that_is_not_ours_is_refused(at, value, says):
    geometry = Geometry(topics=("orders",), entries=1, threads=1, arena_bytes=4096)
    packed = bytearray(Header(slot=1, master_pid=1, geometry=geometry).pack())
    packed[at : at + len(value)] = value
    with pytest.raises(ValueError, match=says):
        Header.unpack(bytes(packed))
