"""What is put into an outbox comes out of it, once and in order, whatever the sizes and whoever is faster."""

import os
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.outbox import OutboxReader, OutboxWriter, Output
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment


def new_segment(name: str) -> Segment:
    geometry = Geometry(topics=("a",), entries=1, threads=1, arena_bytes=4096, outbox_bytes=4096)
    segment = Segment.create(f"sylph-{name}-{os.getpid()}", slot=1, geometry=geometry, master_pid=os.getpid())
    segment.unlink()
    return segment


class Outbox(RuleBasedStateMachine):
    """A writer that dies now and then, and a reader that takes some of what is there."""

    outputs = Bundle("outputs")

    def __init__(self) -> None:
        super().__init__()
        self.segment = new_segment("outbox")
        self.writer = OutboxWriter(self.segment)
        self.reader = OutboxReader(self.segment)
        self.put: list[tuple[object, ...]] = []
        self.committed: deque[tuple[object, ...]] = deque()
        self.numbers: set[int] = set()

    def teardown(self) -> None:
        self.segment.close()

    @rule(
        kind=st.integers(0, 255),
        texts=st.tuples(st.text(max_size=20), st.text(max_size=30), st.text(max_size=40), st.text(max_size=34)),
        part=st.binary(max_size=1500),
    )
    def put_one(self, kind: int, texts: tuple[str, str, str, str], part: bytes) -> None:
        empty = self.reader.used_bytes == 0 and not self.put
        seq = self.writer.put(kind, *texts, part)
        if seq is None:
            assert not empty
            return
        assert seq not in self.numbers
        self.numbers.add(seq)
        self.put.append((seq, kind, *texts, part))

    @rule()
    def commit(self) -> None:
        was_empty = not self.committed
        assert self.writer.commit() == (was_empty and bool(self.put))
        self.committed.extend(self.put)
        self.put.clear()

    @rule()
    def die_and_be_replaced(self) -> None:
        self.put.clear()
        self.writer = OutboxWriter(self.segment)
        self.numbers = {seq for seq in self.numbers if any(seq == each[0] for each in self.committed)}

    @rule(count=st.integers(1, 5))
    def take(self, count: int) -> None:
        for output in self.reader.take():
            assert fields(output) == self.committed.popleft()
            count -= 1
            if not count:
                return
        assert not self.committed

    @invariant()
    def used(self) -> None:
        assert (self.reader.used_bytes == 0) == (not self.committed)


def fields(output: Output) -> tuple[object, ...]:
    return (output.seq, output.kind, output.instance, output.topic, output.group, output.id, output.part)


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.fixture(scope="module")
def segment():
    segment = new_segment("receipts")
    yield segment
    segment.close()


@given(seqs=st.lists(st.integers(1, 2**50), min_size=1, max_size=50, unique=True), data=st.data())
def test_the_receipt_of_the_latest_output_of_a_cell_is_there(segment, seqs, data):
    receipts = Receipts(segment)
    receipts._cells[:] = memoryview(bytes(8 * len(receipts._cells))).cast("Q")
    states = {seq: data.draw(st.sampled_from(ReceiptState)) for seq in seqs}
    for seq in seqs:
        receipts.write(seq, states[seq])

    latest = {seq % 8192: seq for seq in sorted(seqs)}
    for seq in seqs:
        assert receipts.read(seq) is (states[seq] if latest[seq % 8192] == seq else None)
    assert receipts.read(max(seqs) + 8192) is None
