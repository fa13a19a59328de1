"""The courier takes what fits, keeps on trying what may yet be stored, and says what became of each output once."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from sylph_mp.errors import BrokerError, CallTimeoutError, NotSentError, StatusError
from sylph_mp.master.courier import Courier
from sylph_mp.pipe import ReceiptsWritten, RefusedOutput
from sylph_mp.producer.encoding import Encoded
from sylph_mp.producer.outlet import OnReceipt, Receipt
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.outbox import OutboxReader, OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment
from tests.unit.turns import turns


class FakeOutlet:
    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.submitted: list[tuple[Encoded, OnReceipt]] = []
        self.waiting: list[Callable[[], None]] = []

    def submit(self, encoded: Encoded, on_receipt: OnReceipt) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.submitted.append((encoded, on_receipt))
        return True

    def when_room(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def make_room(self, count: int) -> None:
        self.room += count
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()

    def answer(self, place: int, error: BrokerError | None = None) -> None:
        encoded, on_receipt = self.submitted[place]
        on_receipt(Receipt(encoded.id, error))


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
            outlet=lambda _: outlet,
            post=self.posted.append,
        )

    def put(self, count: int) -> None:
        for number in range(count):
            self.writer.put(1, "default", "receipts", "", f"m{number}", b"part")
        self.writer.commit()


def test_receipts_come_back_together_in_runs_and_stand_in_the_segment(segment):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet())
        bench.put(6)
        bench.courier.look()
        assert [encoded.id for encoded, _ in bench.outlet.submitted] == [f"m{n}" for n in range(6)]
        assert bench.courier.carried == 6
        for place in (4, 0, 1, 5):
            bench.outlet.answer(place)
        bench.outlet.answer(3, StatusError(40402, "no topic"))
        await turns()
        assert bench.posted == [
            ReceiptsWritten(stored=((1, 2), (5, 6)), refused=(RefusedOutput(4, "receipts: 40402: no topic"),))
        ]
        receipts = Receipts(segment)
        assert [receipts.read(seq) for seq in range(1, 7)] == [
            ReceiptState.STORED,
            ReceiptState.STORED,
            None,
            ReceiptState.REFUSED,
            ReceiptState.STORED,
            ReceiptState.STORED,
        ]
        assert bench.courier.carried == 1

    asyncio.run(story())


def test_without_room_the_ring_keeps_the_rest_until_there_is_some(segment):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet(room=2))
        bench.put(6)
        bench.courier.look()
        bench.courier.look()
        assert len(bench.outlet.submitted) == 2
        assert OutboxReader(segment).used_bytes > 0
        bench.outlet.make_room(2)
        assert len(bench.outlet.submitted) == 4
        bench.outlet.make_room(100)
        assert [encoded.id for encoded, _ in bench.outlet.submitted] == [f"m{n}" for n in range(6)]
        assert OutboxReader(segment).used_bytes == 0

    asyncio.run(story())


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt("m0", CallTimeoutError("no answer"), unknown=True),
        Receipt("m0", NotSentError("closing")),
    ],
)
def test_what_nobody_knows_has_no_receipt(segment, receipt):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet())
        bench.put(1)
        bench.courier.look()
        bench.outlet.submitted[0][1](receipt)
        await turns()
        assert bench.posted == []
        assert Receipts(segment).read(1) is None

    asyncio.run(story())


def test_a_receipt_that_comes_when_the_segment_is_gone_is_nobodys(segment):
    async def story() -> None:
        bench = Bench(segment, FakeOutlet(room=1))
        bench.put(2)
        bench.courier.look()
        segment.close()
        bench.outlet.answer(0)
        bench.outlet.make_room(5)
        await turns()
        assert bench.posted == []
        assert len(bench.outlet.submitted) == 1

    asyncio.run(story())
