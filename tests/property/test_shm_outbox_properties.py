"""What is put into an outbox comes out of it, once and in order, whatever the sizes and whoever is faster."""

import os
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from sylph_mp.consumer.outputs import Output
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.outbox import Address, OutboxReader, OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment
from tests.unit.outputs import each_of

ADDRESSES = [
    Address("", 0, "", ""),
    Address("default", 1, "receipts", ""),
    Address("default", 1, "audit", ""),
    Address("größe", 255, "%" * 30, "g" * 40),
    Address("default", 2, "receipts", "\U0001f600"),
]


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

    @rule(parts=st.lists(st.tuples(st.sampled_from(ADDRESSES), st.binary(max_size=1500)), min_size=1, max_size=6))
    def put_some(self, parts: list[tuple[Address, bytes]]) -> None:
        empty = self.reader.used_bytes == 0 and not self.put
        outputs = [Output(address, "id", part) for address, part in parts]
        seq = self.writer.next_seq
        count = self.writer.put(outputs)
        assert count == self.writer.next_seq - seq
        assert count or not empty
        numbers = range(seq, seq + count)
        assert self.numbers.isdisjoint(numbers)
        self.numbers.update(numbers)
        for number, each in zip(numbers, outputs[:count], strict=True):
            self.put.append((number, *each.address, each.part))

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
        for run in self.reader.take():
            for message in each_of([run]):
                expected = self.committed.popleft()
                assert (message.seq, message.instance, message.kind, *message[3:]) == expected
            count -= 1
            if not count:
                return
        assert not self.committed

    @invariant()
    def used(self) -> None:
        assert (self.reader.used_bytes == 0) == (not self.committed)


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.fixture(scope="module")
def segment():
    segment = new_segment("receipts")
    yield segment
    segment.close()


@given(
    ranges=st.lists(st.tuples(st.integers(1, 2**50), st.integers(1, 300)), min_size=1, max_size=50),
    far=st.booleans(),
    data=st.data(),
)
def test_the_receipt_of_the_latest_output_of_a_cell_is_there(segment, ranges, far, data):
    segment.window(segment.geometry.receipts_at, 8 * 8192)[:] = bytes(8 * 8192)
    receipts = Receipts(segment)
    latest: dict[int, tuple[int, ReceiptState]] = {}
    for drawn, count in ranges:
        first = drawn if far else drawn % 30_000 + 1
        state = data.draw(st.sampled_from(ReceiptState))
        receipts.write(first, first + count - 1, state)
        for seq in range(first, first + count):
            if latest.get(seq % 8192, (0, state))[0] <= seq:
                latest[seq % 8192] = seq, state

    for first, count in ranges:
        for seq in (first, first + count - 1, first % 30_000 + 1):
            known, state = latest.get(seq % 8192, (0, None))
            assert receipts.read(seq) is (state if known == seq else None)
