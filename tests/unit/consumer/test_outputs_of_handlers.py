"""What handlers send goes through the outbox, and their deliveries are acked when it is stored."""

import time

from sylph_mp.api import App, Context
from sylph_mp.errors import OutputError
from sylph_mp.pipe import ReceiptsWritten, RefusedOutput
from sylph_mp.shm.outbox import OutboxReader, OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import FIFO, EntryState, Table
from sylph_mp.testing.fake_session import FakeSession
from tests.unit.consumer.serving import Remains, Running, app_with, messages, play, reports
from tests.unit.outputs import Message, each_of, output


class Courier:
    """The master's side: takes outputs and writes receipts."""

    def __init__(self, consumer: Running) -> None:
        self._consumer = consumer
        self._reader = OutboxReader(consumer.segment)
        self._receipts = Receipts(consumer.segment)
        self.taken: list[Message] = []

    async def until(self, count: int) -> list[Message]:
        await self._consumer.until(lambda: self._took() >= count)
        return self.taken

    def _took(self) -> int:
        self.taken.extend(each_of(self._reader.take()))
        return len(self.taken)

    def store(self, *seqs: int) -> None:
        for seq in seqs:
            self._receipts.write(seq, seq, ReceiptState.STORED)
        self._consumer.master.post(ReceiptsWritten(stored=tuple((seq, seq) for seq in seqs), refused=()))

    def refuse(self, seq: int, reason: str) -> None:
        self._receipts.write(seq, seq, ReceiptState.REFUSED)
        self._consumer.master.post(ReceiptsWritten(stored=(), refused=(RefusedOutput(seq, reason),)))


def send_two(body: bytes, ctx: Context) -> None:
    ctx.send("receipts", b"first of " + ctx.message.id.encode())
    ctx.send("audit", b"second", tag="t", group="g")


def test_a_delivery_is_acked_when_all_that_it_sent_is_stored():
    async def story(consumer: Running) -> None:
        courier = Courier(consumer)
        consumer.session.put(*messages(2))
        consumer.assign(threads=1)
        taken = await courier.until(4)
        assert [(out.seq, out.instance, out.topic, out.kind, out.group) for out in taken] == [
            (1, "default", "receipts", 1, ""),
            (2, "default", "audit", 2, "g"),
            (3, "default", "receipts", 1, ""),
            (4, "default", "audit", 2, "g"),
        ]
        assert b"first of m0" in taken[0].part
        entries = Table(consumer.segment).scan()
        assert [(entry.state, entry.outputs) for entry in entries] == [
            (EntryState.HELD, range(1, 3)),
            (EntryState.HELD, range(3, 5)),
        ]

        courier.store(2, 3, 4)
        await consumer.until(lambda: consumer.session.acked == ["m1"])
        courier.store(1)
        await consumer.until(lambda: consumer.session.acked == ["m1", "m0"])

    play(app_with(send_two), story)


def test_a_refused_output_makes_it_a_retry_that_says_why():
    async def story(consumer: Running) -> None:
        courier = Courier(consumer)
        consumer.session.put(*messages(1))
        consumer.assign()
        await courier.until(2)
        courier.refuse(2, "40402: no topic audit")
        courier.store(1)
        await consumer.until(lambda: consumer.session.released)
        assert consumer.session.acked == []
        await consumer.drain()
        failures = [error for report in reports(consumer) for topic in report.topics for error in topic.errors]
        assert ("OutputError", "40402: no topic audit") in [(error.kind, error.text) for error in failures]

    play(app_with(send_two), story)


def test_send_now_returns_when_the_message_is_stored_and_raises_when_it_is_refused():
    said: list[object] = []

    def handle(body: bytes, ctx: Context) -> None:
        said.append(ctx.send_now("receipts", b"now"))
        try:
            ctx.send_now("receipts", b"again")
        except OutputError as error:
            said.append(str(error))

    async def story(consumer: Running) -> None:
        courier = Courier(consumer)
        consumer.session.put(*messages(1))
        consumer.assign()
        first = (await courier.until(1))[0]
        assert not said
        courier.store(first.seq)
        second = (await courier.until(2))[1]
        [stored_id] = said
        assert str(stored_id).encode() in first.part
        courier.refuse(second.seq, "full")
        await consumer.until(lambda: consumer.session.acked == ["m0"])
        assert said == [stored_id, "receipts: full"]

    play(app_with(handle), story)


def test_async_handlers_wait_without_holding_each_other_up():
    async def handle(body: bytes, ctx: Context) -> None:
        await ctx.send_now_async("receipts", body)

    async def story(consumer: Running) -> None:
        courier = Courier(consumer)
        consumer.session.put(*messages(3))
        consumer.assign()
        taken = await courier.until(3)
        courier.store(*(out.seq for out in reversed(taken)))
        await consumer.until(lambda: sorted(consumer.session.acked) == ["m0", "m1", "m2"])

    play(app_with(handle), story)


def test_nothing_is_received_while_the_outbox_is_full_and_nothing_is_lost():
    def handle(body: bytes, ctx: Context) -> None:
        for _ in range(4):
            ctx.send("receipts", bytes(300_000))

    async def story(consumer: Running) -> None:
        courier = Courier(consumer)
        consumer.session.put(*messages(40))
        consumer.assign(threads=1)
        # 2 MiB hold six of them: the second call's last two wait.
        await consumer.until(lambda: Table(consumer.segment).counts().held == 32)
        assert [entry.outputs for entry in Table(consumer.segment).scan()].count(range(0)) == 31
        assert len(consumer.session.messages) == 8
        stored = 0
        while stored < 160:
            await courier.until(stored + 1)
            courier.store(*(out.seq for out in courier.taken[stored:]))
            stored = len(courier.taken)
        await consumer.until(lambda: len(consumer.session.acked) == 40)

    play(app_with(handle), story)


def test_what_a_dead_process_had_sent_is_waited_for_and_not_run_again():
    ran: list[str] = []

    def handle(body: bytes, ctx: Context) -> None:
        ran.append(ctx.message.id)

    def left(segment: Segment) -> None:
        writer, remains = OutboxWriter(segment), Remains(segment)
        for name in ("stored", "open", "not-in-the-outbox"):
            index = remains.leave(f"{name}//{len(name)}")
            remains.run(index)
            Table(segment).hold(index, 0, 0)
            if name != "not-in-the-outbox":
                seq = writer.next_seq
                writer.put([output(b"part")])
                writer.commit()
                Table(segment).hold(index, seq, 1)
        Receipts(segment).write(1, 1, ReceiptState.STORED)

    async def story(consumer: Running) -> None:
        courier = Courier(consumer)
        await consumer.until(lambda: sorted(consumer.session.acked) == ["not-in-the-outbox", "stored"])
        assert ran == ["not-in-the-outbox"]
        taken = await courier.until(2)
        courier.store(taken[1].seq)
        await consumer.until(lambda: "open" in consumer.session.acked)
        assert ran == ["not-in-the-outbox"]

    play(app_with(handle), story, left=left)


def test_the_lane_of_what_a_dead_process_had_sent_waits_with_it():
    ran: list[str] = []

    def handle(body: bytes, ctx: Context) -> None:
        ran.append(ctx.message.id)

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        first = remains.leave("first/a/1", flags=FIFO)
        remains.leave("second/a/2", flags=FIFO)
        remains.leave("other/b/3", flags=FIFO)
        remains.run(first)
        writer = OutboxWriter(segment)
        writer.put([output(b"part")])
        writer.commit()
        Table(segment).hold(first, 1, 1)

    async def story(consumer: Running) -> None:
        courier = Courier(consumer)
        await consumer.until(lambda: ran == ["other"])
        await courier.until(1)
        assert ran == ["other"]
        courier.store(1)
        await consumer.until(lambda: consumer.session.acked == ["first", "second", "other"])

    play(app_with(handle), story, fifo=True, left=left)


def test_with_the_master_gone_what_waits_is_handed_back_at_once():
    app = App()
    began = time.monotonic()

    @app.handler("orders")
    def handle(body: bytes, ctx: Context) -> None:
        ctx.send("receipts", b"x")

    sessions: list[FakeSession] = []

    async def story(consumer: Running) -> None:
        sessions.append(consumer.session)
        consumer.session.put(*messages(1))
        consumer.assign()
        await Courier(consumer).until(1)

    play(app, story)
    assert sessions[0].released == [("m0", 0.0, False)]
    assert sessions[0].acked == []
    assert time.monotonic() - began < 20, "drain_s is 25"
