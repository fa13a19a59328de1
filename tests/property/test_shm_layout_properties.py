"""What is written into a segment is what is read from it, whatever it is."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.shm import layout
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.handles import read_handle, write_handle
from sylph_mp.shm.layout import Geometry, Header
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import ASYNC_THREAD, EntryOutcome, EntryState, Table
from sylph_mp.shm.vitals import COUNTERS, VitalsWriter, read_vitals


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


TIMES_NS = st.integers(1, 10**15)
GEOMETRIES = st.builds(
    Geometry,
    topics=st.lists(st.text(max_size=127), min_size=1, max_size=20).map(tuple),
    entries=st.integers(1, 1 << 20),
    threads=st.integers(1, 0xFFFE),
    arena_bytes=st.integers(4096, 1 << 32),
    outbox_bytes=st.integers(4096, 1 << 30),
)
HEADERS = st.builds(Header, slot=unsigned(32), master_pid=unsigned(32), geometry=GEOMETRIES)


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    geometry = Geometry(topics=("a", "b", "c"), entries=16, threads=3, arena_bytes=1 << 16)
    segment = Segment.create(f"sylph-property-{os.getpid()}", slot=1, geometry=geometry, master_pid=os.getpid())
    segment.unlink()
    yield segment
    segment.close()


@given(header=HEADERS)
def test_header(header: Header):
    packed = header.pack()
    assert len(packed) == header.geometry.header_bytes
    assert Header.unpack(packed + b"vitals") == header


@given(header=HEADERS, at=st.integers(0, 400), junk=st.binary(min_size=1, max_size=40))
def test_a_damaged_header_is_refused_or_still_makes_sense(header: Header, at: int, junk: bytes):
    packed = bytearray(header.pack())
    packed[at : at + len(junk)] = junk
    try:
        seen = Header.unpack(bytes(packed))
    except ValueError:
        return
    assert seen.geometry.header_bytes <= len(packed)


@given(geometry=GEOMETRIES)
def test_parts_are_aligned_and_do_not_overlap(geometry: Geometry):
    assert geometry.header_bytes <= geometry.vitals_at
    assert geometry.vitals_at + geometry.vitals_bytes <= geometry.polls_at
    assert geometry.polls_at + layout.POLL_LINES * layout.POLL_LINE_BYTES <= geometry.recorder_at
    assert geometry.recorder_at + layout.RECORDER_BYTES <= geometry.table_at
    assert geometry.table_at + geometry.table_bytes <= geometry.receipts_at
    assert geometry.receipts_at + layout.RECEIPT_CELLS * layout.RECEIPT_CELL_BYTES <= geometry.outbox_at
    assert geometry.outbox_at + layout.OUTBOX_HEAD_BYTES + geometry.outbox_bytes <= geometry.arena_at
    assert geometry.arena_at + geometry.arena_bytes <= geometry.total_bytes < geometry.arena_at + (5 << 30)
    assert all(at % 64 == 0 for at in geometry.offsets)
    assert geometry.arena_at % 4096 == 0


@given(
    index=st.integers(0, 15),
    small=st.tuples(unsigned(16), unsigned(32), unsigned(8), unsigned(8), unsigned(32), unsigned(32)),
    times=st.tuples(TIMES_NS, TIMES_NS, TIMES_NS, TIMES_NS),
    thread=unsigned(16),
    handle=st.tuples(unsigned(32), unsigned(16), unsigned(8)),
    outcome=st.sampled_from(EntryOutcome),
    after_ms=unsigned(32),
)
def test_entry(segment, *, index, small, times, thread, handle, outcome, after_ms):
    table = Table(segment)
    neighbours = (table.read((index - 1) % 16), table.read((index + 1) % 16))
    lease_ns, received_ns, started_ns, renewed_ns = times

    table.put(index, *small, lease_ns, received_ns)
    queued = table.read(index)
    table.start(index, thread, started_ns)
    table.extend(index, renewed_ns, *handle)
    running = table.read(index)
    table.finish(index, outcome, after_ms)
    done = table.read(index)

    for entry in (queued, running, done):
        assert (
            entry.topic,
            entry.attempt,
            entry.strikes,
            entry.flags,
            entry.frame_at,
            entry.frame_len,
        ) == small
        assert entry.received_s == received_ns / 1e9
    assert (queued.state, queued.lease_s, queued.started_s) == (EntryState.QUEUED, lease_ns / 1e9, None)
    assert (running.state, running.thread) == (EntryState.RUNNING, None if thread == ASYNC_THREAD else thread)
    assert (done.state, done.outcome, done.after_s) == (EntryState.DONE, outcome, after_ms / 1e3)
    assert (done.started_s, done.lease_s) == (started_ns / 1e9, renewed_ns / 1e9)
    assert (done.handle_at, done.handle_room, done.handle_which) == handle
    assert (table.read((index - 1) % 16), table.read((index + 1) % 16)) == neighbours


@given(
    pid=unsigned(32),
    beat_ns=TIMES_NS,
    counts=st.lists(st.tuples(*[unsigned(64)] * len(COUNTERS)), min_size=3, max_size=3),
    idents=st.tuples(*[unsigned(64)] * 3),
)
def test_vitals(segment, pid, beat_ns, counts, idents):
    writer = VitalsWriter(segment)
    writer.open(pid, beat_ns)
    for index, values in enumerate(counts):
        writer.count(index, values)
    for index, ident in enumerate(idents):
        writer.thread(index, ident)

    seen = read_vitals(segment)

    assert (seen.pid, seen.beat_s, seen.thread_idents) == (pid, beat_ns / 1e9, idents)
    assert [tuple(of.values()) for of in seen.counters.values()] == counts


@given(first=st.text(max_size=60), second=st.text(max_size=60), at=st.integers(0, 60_000))
def test_handles_in_two_rooms(segment, first, second, at):
    arena = Arena(segment)
    write_handle(arena, at, 242, 0, first)
    write_handle(arena, at, 242, 1, second)
    assert [read_handle(arena, at, 242, which) for which in (0, 1)] == [first, second]


@given(first=st.integers(1, 2**40), count=st.integers(0, 2**16 - 1))
def test_outputs_of_a_held_entry(segment, first, count):
    table = Table(segment)
    table.put(3, 0, 1, 0, 0, 0, 1, 1, 1)

    table.hold(3, first, count)

    seen = table.read(3)
    assert (seen.state, seen.outcome, seen.outputs) == (EntryState.HELD, EntryOutcome.ACK, range(first, first + count))
    table.finish(3, EntryOutcome.ACK, 0)
    assert table.read(3).outputs == range(0)
