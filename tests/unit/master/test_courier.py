"""The courier takes what fits, keeps on trying what may yet be stored, and says what became of each output once."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from sylph_mp.errors import BrokerError, CallTimeoutError, NotSentError, StatusError
from sylph_mp.master.courier import Courier
from sylph_mp.pipe import ReceiptsWritten, RefusedOutput
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.outlet import Answer, OnAnswer
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.outbox import OutboxReader, OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment
from tests.unit.outputs import output
from tests.unit.turns import turns


class FakeOutlet:
    """`room` is for messages."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.submitted: list[tuple[Bundle, OnAnswer]] = []
        self.waiting: list[Callable[[], None]] = []

    @property
    def messages(self) -> list[bytes]:
        return [bytes(single.parts) for bundle, _ in self.submitted for single in bundle.singles()]

    def submit_bundle(self, bundle: Bundle, on_answer: OnAnswer) -> bool:
        if self.room < bundle.count:
            return False
        self.room -= bundle.count
        self.submitted.append((bundle, on_answer))
        return True

    def when_room(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def make_room(self, count: int) -> None:
        self.room += count
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()

    def answer(self, place: int, first: int, count: int, error: BrokerError | None = None) -> None:
        """About `count` messages from the `first` of what was submitted as the `place`-th."""
        self.submitted[place][1](Answer(first, count, error))


@pytest.fixture
def segment(tmp_path) -> Iterator[Segment]:
    geometry = Geometry(topics=("a",), entries=8, threads=1, arena_bytes=4096)
    segment = Segment.create(f"sylph-courier-{tmp_path.name}", slot=1, geometry=geometry, master_pid=1)
    segment.unlink()
    yield segment
    if not segment.closed:
        segment.close()


class Bench:
    """A courier between a segment and an outlet."""

    def __init__(self, segment: Segment, outlet: FakeOutlet) -> None:
        self.writer = OutboxWriter(segment)
        self.outlet = outlet
        self.posted: list[ReceiptsWritten] = []
        self.courier = Courier(
            segment,
            outlet=lambda _: outlet,  # type: ignore[arg-type, return-value]  # what a courier needs of one
            post=self.posted.append,
        )

    def put(self, *counts: int, topic: str = "receipts") -> None:
        """As many records, of so many messages."""
        for count in counts:
            self.writer.put([output(b"m%d" % n, topic=topic) for n in range(count)])
            self.writer.commit()


def test_what_lies_together_goes_together_and_receipts_come_back_in_ranges(segment):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet())
        bench.put(6)
        bench.put(2, topic="audit")
        bench.put(2)
        bench.courier.look()
        assert [(bundle.topic, bundle.count) for bundle, _ in bench.outlet.submitted] == [
            ("receipts", 6),
            ("audit", 2),
            ("receipts", 2),
        ]
        assert bench.outlet.messages[:6] == [b"m%d" % n for n in range(6)]
        assert bench.courier.carried == 10
        bench.outlet.answer(2, 0, 2)
        bench.outlet.answer(1, 0, 2)
        bench.outlet.answer(0, 4, 2)
        bench.outlet.answer(0, 0, 2)
        bench.outlet.answer(0, 3, 1, StatusError(40402, "no topic"))
        await turns()
        assert bench.posted == [
            ReceiptsWritten(stored=((1, 2), (5, 10)), refused=(RefusedOutput(4, "receipts: 40402: no topic"),))
        ]
        receipts = Receipts(segment)
        assert [receipts.read(seq) for seq in range(1, 12)] == [
            ReceiptState.STORED,
            ReceiptState.STORED,
            None,
            ReceiptState.REFUSED,
            *[ReceiptState.STORED] * 6,
            None,
        ]
        assert bench.courier.carried == 1

    asyncio.run(story())


def test_without_room_the_ring_keeps_the_rest_until_there_is_some(segment):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet(room=2))
        bench.put(2, 1, 2, 1)
        bench.courier.look()
        bench.courier.look()
        assert len(bench.outlet.submitted) == 1
        assert OutboxReader(segment).used_bytes > 0
        bench.outlet.make_room(2)
        assert len(bench.outlet.submitted) == 2
        bench.outlet.make_room(100)
        assert bench.outlet.messages == [b"m0", b"m1", b"m0", b"m0", b"m1", b"m0"]
        assert OutboxReader(segment).used_bytes == 0

    asyncio.run(story())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(0, 1, CallTimeoutError("no answer"), unknown=True),
        Answer(0, 1, NotSentError("closing")),
    ],
)
def test_what_nobody_knows_has_no_receipt(segment, answer):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet())
        bench.put(1)
        bench.courier.look()
        bench.outlet.submitted[0][1](answer)
        await turns()
        assert bench.posted == []
        assert Receipts(segment).read(1) is None

    asyncio.run(story())


def test_a_receipt_that_comes_when_the_segment_is_gone_is_nobodys(segment):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet(room=1))
        bench.put(1, 1)
        bench.courier.look()
        segment.close()
        bench.outlet.answer(0, 0, 1)
        bench.outlet.make_room(5)
        await turns()
        assert bench.posted == []
        assert len(bench.outlet.submitted) == 1

    asyncio.run(story())
