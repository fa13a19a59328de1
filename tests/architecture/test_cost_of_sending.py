"""What a message costs that a handler, or a program, sends: calls made, counted and never timed.

As in test_cost_of_a_message.py: the least of a few counts, and a change that makes one smaller lowers the number here.
"""

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sylph_mp.api import Context
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.config.schema import Producers as Settings
from sylph_mp.consumer.outputs import Output
from sylph_mp.master.courier import Courier
from sylph_mp.pipe import ReceiptsWritten
from sylph_mp.ports import Health
from sylph_mp.producer import publisher as publisher_module
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Encoder, Kind
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.producer.producers import Producers
from sylph_mp.producer.publisher import Publisher
from sylph_mp.rocketmq.publishing_session import Stored
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.outbox import Address, OutboxReader, OutboxWriter, Run
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment
from tests.architecture.test_cost_of_a_message import MARGIN, TIMES, Counter, handle
from tests.unit.consumer.serving import app_with, messages, play

#: Calls of Python and C functions by code of this project, a message: of a consumer, what a handler that sends one
#: costs beyond one that sends nothing; of the master, from the ring to the receipts; of a program, `send_many`.
CONSUMER_CALLS = 42.2
MASTER_CALLS = 3.6  # each flush a request; on a slow host several are one, and it is less
LIBRARY_CALLS = 14.2

WARM = 320
COUNTED = 1600
#: What a consumer puts into the ring at once while it is busy.
FLUSH = 32

INSTANCE = Instance(name="default", endpoints=("127.0.0.1:1",))


class Session:
    """Stores everything."""

    def __init__(self, **_: Any) -> None:
        self.health = Health(endpoint="", answered_at=1.0, failing_since=None, tries=0, error=None)
        self.stored = 0

    async def start(self) -> int:
        return 4 << 20

    async def stop(self) -> None: ...

    async def send(self, request: bytes, *, group: str = "") -> Stored:
        await asyncio.sleep(0)
        return Stored(self.stored, "", "broker-a")


@pytest.fixture(autouse=True)
def _without_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "PublishingSession", Session)


@contextmanager
def new_segment() -> Iterator[Segment]:
    geometry = Geometry(topics=("orders",), entries=8, threads=1, arena_bytes=4096)
    segment = Segment.create(f"sylph-test-{uuid.uuid4().hex[:8]}", slot=1, geometry=geometry, master_pid=os.getpid())
    segment.unlink()
    yield segment
    segment.close()


def calls_of_a_consumer(function: Callable[..., None]) -> float:
    """From what a session has received to the ack that it is asked for, a message; a master stores what is sent."""
    with Counter() as counter:

        async def story(consumer: Any) -> None:
            acked = consumer.session.acked
            reader, receipts = OutboxReader(consumer.segment), Receipts(consumer.segment)

            def all_acked(count: int) -> bool:
                counting, counter.counting = counter.counting, False
                for run in reader.take():
                    last = run.seq + len(run.ends) - 1
                    receipts.write(run.seq, last, ReceiptState.STORED)
                    consumer.master.post(ReceiptsWritten(stored=((run.seq, last),), refused=()))
                counter.counting = counting
                return len(acked) == count

            consumer.assign()
            consumer.session.put(*messages(WARM))
            await consumer.until(lambda: all_acked(WARM))
            counter.counting = True
            consumer.session.put(*messages(COUNTED))
            await consumer.until(lambda: all_acked(WARM + COUNTED))
            counter.counting = False

        play(app_with(function), story)
    return counter.calls / COUNTED


def send_one(body: bytes, ctx: Context) -> None:
    ctx.send("receipts", body)


def calls_of_sending() -> float:
    return calls_of_a_consumer(send_one) - calls_of_a_consumer(handle)


def calls_of_the_master() -> float:
    """From what a consumer has put into the ring to the receipts, a message."""
    encoder, outgoing = Encoder("", Limits()), Outgoing(topic="receipts", payload=b"." * 1024)
    address = Address("default", Kind.NORMAL, "receipts", "")
    outputs = [Output(address, "", encoder.encode(outgoing, time.time()).part) for _ in range(FLUSH)]

    async def story(counter: Counter, segment: Segment) -> None:
        publisher = Publisher(INSTANCE, Settings(), clock=SystemClock())
        missing, all_told = 0, asyncio.Event()

        def post(news: ReceiptsWritten) -> None:
            nonlocal missing
            missing -= sum(last + 1 - first for first, last in news.stored)
            if not missing:
                all_told.set()

        courier = Courier(segment, outlet=lambda _: publisher, post=post)
        writer = OutboxWriter(segment)

        async def carry(count: int) -> None:
            nonlocal missing
            missing = count
            all_told.clear()
            for _ in range(0, count, FLUSH):
                counting, counter.counting = counter.counting, False
                assert writer.put(outputs) == FLUSH
                writer.commit()
                counter.counting = counting
                courier.look()
                await asyncio.sleep(0)
            await all_told.wait()

        await carry(WARM)
        counter.counting = True
        await carry(COUNTED)
        counter.counting = False

    with Counter() as counter, new_segment() as segment:
        asyncio.run(story(counter, segment))
    return counter.calls / COUNTED


def calls_of_a_program() -> float:
    """`send_many`, a message."""
    with Counter() as counter, Producers(INSTANCE) as producers:
        producer = producers.normal("receipts")
        producer.send_many([b"." * 1024] * WARM)
        counter.counting = True
        receipts = producer.send_many([b"." * 1024] * COUNTED)
        counter.counting = False
        assert all(receipt.error is None for receipt in receipts)
    return counter.calls / COUNTED


@pytest.mark.parametrize(
    ("count", "known"),
    [(calls_of_sending, CONSUMER_CALLS), (calls_of_the_master, MASTER_CALLS), (calls_of_a_program, LIBRARY_CALLS)],
)
def test_a_message_that_is_sent_costs_no_more_than_it_did(count: Callable[[], float], known: float) -> None:
    assert min(count() for _ in range(TIMES)) <= known * MARGIN


def test_messages_that_the_master_takes_one_by_one_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    take = OutboxReader.take

    def one_by_one(self: OutboxReader) -> Iterator[Run]:
        for run in take(self):
            for single in Bundle("", Kind.NORMAL, "", run.parts, run.ends).singles():
                yield Run(
                    seq=run.seq + single.first, address=run.address, ends=(single.size,), parts=bytes(single.parts)
                )

    monkeypatch.setattr(OutboxReader, "take", one_by_one)
    assert calls_of_the_master() > 3 * MASTER_CALLS
