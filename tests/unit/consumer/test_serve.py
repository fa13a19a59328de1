"""A whole consumer but for the broker: what the master says goes in, what the broker is told comes out."""

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from sylph_mp import logs
from sylph_mp.api import App, DeadLetter, Message, Retry
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Consumers, Control, Instance, Range, RetryPolicy, Topic
from sylph_mp.consumer import topology
from sylph_mp.errors import HandleExpiredError, StatusError, TransportError
from sylph_mp.frames import FrameStream
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.pipe import COMMANDS, NEWS, Adopted, Assign, Drain, Drained, Ready, Report, Shard, Spawn
from sylph_mp.ports import Settled
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.handles import write_handle
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import FIFO, SUSPECT, EntryOutcome, Table
from sylph_mp.shm.vitals import read_vitals
from sylph_mp.testing.fake_clients import FakeClients
from sylph_mp.testing.fake_session import FakeReceived, FakeSession

GEOMETRY = Geometry(topics=("orders",), entries=64, threads=4, arena_bytes=1 << 20)


class Running:
    """A consumer that runs in the test's loop, seen from the master's side."""

    def __init__(self, *, segment: Segment, clients: FakeClients, master: FrameStream, config: Config) -> None:
        self.segment = segment
        self.clients = clients
        self.master = master
        self.config = config
        self.news: list[object] = []

    @property
    def session(self) -> FakeSession:
        return self.clients.sessions["g"]

    def assign(self, *shards: Shard, threads: int = 4) -> None:
        self.master.post(Assign(shards=shards or (Shard("orders", 0),), threads=threads))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.002)

    async def drain(self, seconds: float = 5.0) -> Drained:
        self.master.post(Drain(Deadline.after(seconds, SystemClock()).at))
        await self.until(lambda: any(isinstance(news, Drained) for news in self.news))
        return next(news for news in self.news if isinstance(news, Drained))

    async def listen(self) -> None:
        async for news in self.master:
            self.news.append(news)


def config_of(**topic: Any) -> Config:
    settings = {"retry": RetryPolicy(first_s=0.01, jitter=0)} | topic
    return Config(
        path="/config.toml",
        app="workers.orders:app",
        instances={"default": Instance(name="default", endpoints=("127.0.0.1:1",))},
        consumers=Consumers(processes=Range(1, 1), threads=Range(4, 4), in_flight=64, buffer=1 << 20),
        topics={"orders": Topic(name="orders", instance="default", group="g", **settings)},
        control=Control(socket="/s"),
    )


def play(
    app: App,
    story: Callable[[Running], Coroutine[Any, Any, None]],
    *,
    fifo: bool = False,
    left: Callable[[Segment], None] = lambda segment: None,
    **topic: Any,
) -> None:
    """Run a consumer with `app` while the story goes on; ends it by closing the master's side."""
    asyncio.run(_play(app, story, config_of(**topic), fifo=fifo, left=left))


def parse(frame: bytes) -> FakeReceived:
    """Frames of these tests are `id/group/offset`."""
    message_id, group, offset = frame.decode().split("/")
    return FakeReceived(frame, message_id=message_id, group=group, offset=int(offset))


class Remains:
    """Writes entries as a predecessor would have."""

    def __init__(self, segment: Segment) -> None:
        self._table = Table(segment)
        self._arena = Arena(segment)
        self._index = 0

    def leave(self, frame: str, *, lease_s: float = 60, flags: int = 0, attempt: int = 1) -> int:
        """QUEUED; returns the entry."""
        at = self._arena.alloc(len(frame))
        assert at is not None
        self._arena.write(at, frame.encode())
        now = time.monotonic_ns()
        index, self._index = self._index, self._index + 1
        self._table.put(index, 0, attempt, 0, flags, at, len(frame), now + int(lease_s * 1e9), now)
        return index

    def run(self, index: int) -> None:
        self._table.start(index, 0, time.monotonic_ns())

    def done(self, index: int, outcome: EntryOutcome, after_ms: int = 0) -> None:
        self.run(index)
        self._table.finish(index, outcome, after_ms)


async def _play(
    app: App,
    story: Callable[[Running], Coroutine[Any, Any, None]],
    config: Config,
    *,
    fifo: bool,
    left: Callable[[Segment], None] = lambda segment: None,
) -> None:
    """`left` puts into the segment what a dead predecessor held."""
    logs.configure(form="text", level="error")
    spawn = Spawn(
        slot=1,
        segment=f"sylph-test-{uuid.uuid4().hex[:8]}",
        config=config,
        master_pid=1,
        stacks="",
        log_form="text",
        log_level="error",
    )
    segment = Segment.create(spawn.segment, slot=1, geometry=GEOMETRY, master_pid=1)
    left(segment)
    ours, theirs = socket.socketpair()
    stream = await FrameStream.from_socket(theirs, COMMANDS)
    master = await FrameStream.from_socket(ours, NEWS)
    clients = FakeClients(fifo_groups=("g",) if fifo else ())
    running = Running(segment=segment, clients=clients, master=master, config=config)
    listening = asyncio.create_task(running.listen())

    async def serve() -> None:
        drained = await topology.serve(
            spawn,
            segment=segment,
            stream=stream,
            clients=clients,
            app=app,
            parse=parse,
            log=Log("slot 1"),
            title=lambda _: None,
        )
        stream.post(drained)

    serving = asyncio.create_task(serve())
    try:
        await running.until(lambda: clients.sessions)
        await story(running)
    finally:
        await master.close()
        await asyncio.wait_for(serving, 40)
        listening.cancel()
        await stream.close()
        for thread in threading.enumerate():
            if thread.name.startswith("worker-"):
                thread.join(10)  # one that outlasted the drain still writes into the segment
        segment.close()
        segment.unlink()


def reports(consumer: Running) -> list[Report]:
    return [news for news in consumer.news if isinstance(news, Report)]


def messages(count: int, **fields: Any) -> list[FakeReceived]:
    return [FakeReceived(message_id=f"m{number}", offset=number, **fields) for number in range(count)]


def app_with(function: Callable[..., Any], **options: Any) -> App:
    app = App()
    app.handler("orders", **options)(function)
    return app


def test_every_message_is_handled_and_acked_once_and_the_table_is_empty_afterwards():
    seen = []

    def take(body: bytes) -> None:
        seen.append(body)

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(*messages(500))
        await consumer.until(lambda: len(consumer.session.acked) == 500)
        assert sorted(consumer.session.acked) == sorted(f"m{number}" for number in range(500))
        assert Table(consumer.segment).scan() == []
        drained = await consumer.drain()
        assert (drained.handed_back, drained.left) == (0, 0)
        counters = read_vitals(consumer.segment).counters["orders"]
        assert counters["received"] == counters["started"] == counters["acked"] == 500

    play(app_with(take), story)
    assert len(seen) == 500


def test_it_receives_only_while_a_shard_is_assigned():
    def take(body: bytes) -> None: ...

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: any(isinstance(news, Ready) for news in consumer.news))
        assert consumer.session.attempt_ids == []
        consumer.assign(Shard("orders", 0))
        await consumer.until(lambda: len(consumer.session.attempt_ids) > 1)
        consumer.master.post(Assign(shards=(), threads=4))
        await consumer.until(lambda: reports(consumer)[-1:] and reports(consumer)[-1].polls == 0)
        consumer.session.put(*messages(1))
        count = len(consumer.session.attempt_ids)
        consumer.assign(Shard("orders", 0))
        await consumer.until(lambda: consumer.session.acked == ["m0"])
        assert len(consumer.session.attempt_ids) > count

    play(app_with(take), story)


def test_outcomes_reach_the_broker():
    def decide(body: bytes) -> object:
        match body:
            case b"retry":
                return Retry(after_s=7)
            case b"dead":
                return DeadLetter("bad")
            case b"raise":
                raise ValueError("no")
        return None

    async def story(consumer: Running) -> None:
        consumer.assign()
        bodies = [b"ok", b"retry", b"dead", b"raise"]
        consumer.session.put(*(FakeReceived(body, message_id=body.decode()) for body in bodies))
        await consumer.until(lambda: not Table(consumer.segment).scan() and len(consumer.session.released) == 2)
        assert consumer.session.acked == ["ok"]
        assert consumer.session.dead == ["dead"]
        assert sorted(consumer.session.released) == [("raise", 0.01, True), ("retry", 7, True)]

    play(app_with(decide), story)


def test_an_ack_that_fails_is_sent_again():
    def take(body: bytes) -> None: ...

    async def story(consumer: Running) -> None:
        consumer.assign()
        await consumer.until(lambda: consumer.session.attempt_ids)
        answered = consumer.session.ack
        answers = [[Settled(TransportError("reset"))], [Settled(StatusError(50001, "busy"))]]

        async def ack(topic: str, entries: Any) -> Any:
            return answers.pop(0) if answers else await answered(topic, entries)

        consumer.session.ack = ack
        consumer.session.put(*messages(1))
        await consumer.until(lambda: consumer.session.acked == ["m0"])

    play(app_with(take), story)


def test_an_expired_handle_is_dropped_and_counted():
    def take(body: bytes) -> None: ...

    async def story(consumer: Running) -> None:
        consumer.assign()
        await consumer.until(lambda: consumer.session.attempt_ids)

        async def ack(topic: str, entries: Any) -> Any:
            return [Settled(HandleExpiredError(40013, "expired"))] * len(entries)

        consumer.session.ack = ack
        consumer.session.put(*messages(1))
        await consumer.until(lambda: read_vitals(consumer.segment).counters["orders"]["expired"] == 1)
        assert Table(consumer.segment).scan() == []

    play(app_with(take), story)


def test_a_failed_receive_is_repeated_with_its_attempt_id():
    def take(body: bytes) -> None: ...

    async def story(consumer: Running) -> None:
        consumer.session.failures.append(TransportError("reset"))
        consumer.assign()
        await consumer.until(lambda: len(consumer.session.attempt_ids) >= 3)
        first, again, fresh = consumer.session.attempt_ids[:3]
        assert first == again
        assert fresh != first

    play(app_with(take), story)


def test_messages_of_a_group_run_in_order_and_a_retry_holds_up_its_group_only():
    seen: list[str] = []
    failed = threading.Event()

    def take(body: bytes) -> None:
        text = body.decode()
        if text == "a1" and not failed.is_set():
            failed.set()
            raise ValueError("once")
        seen.append(text)

    async def story(consumer: Running) -> None:
        consumer.assign()
        texts = ["a1", "b1", "a2", "b2", "a3"]
        consumer.session.put(
            *(
                FakeReceived(text.encode(), message_id=text, group=text[0], offset=offset)
                for offset, text in enumerate(texts)
            )
        )
        await consumer.until(lambda: len(consumer.session.acked) == 5)
        assert consumer.session.acked == texts
        assert consumer.session.released == []

    play(app_with(take), story, fifo=True)
    assert [text for text in seen if text[0] == "a"] == ["a1", "a2", "a3"]
    assert [text for text in seen if text[0] == "b"] == ["b1", "b2"]
    assert seen.index("b2") < seen.index("a2")


def test_a_drain_finishes_what_runs_and_hands_back_what_has_not_begun():
    gate, begun = threading.Semaphore(0), threading.Semaphore(0)

    def take(body: bytes) -> None:
        begun.release()
        gate.acquire(timeout=10)

    async def story(consumer: Running) -> None:
        consumer.assign(threads=2)
        consumer.session.put(*messages(10))
        await consumer.until(lambda: Table(consumer.segment).counts().running == 2)
        draining = asyncio.create_task(consumer.drain())
        await consumer.until(lambda: len(consumer.session.released) == 8)
        gate.release(2)
        drained = await draining
        assert (drained.settled, drained.handed_back, drained.left) == (2, 8, 0)
        assert all(not counted and after_s == 0 for _, after_s, counted in consumer.session.released)
        assert len(consumer.session.acked) == 2

    play(app_with(take), story)


def test_a_drain_hands_back_what_still_runs_at_its_deadline():
    gate = threading.Event()

    def take(body: bytes) -> None:
        gate.wait(10)

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(*messages(1))
        await consumer.until(lambda: Table(consumer.segment).counts().running == 1)
        drained = await consumer.drain(0.3)
        gate.set()
        assert (drained.settled, drained.handed_back, drained.left) == (0, 1, 0)
        assert consumer.session.released == [("m0", 0.0, False)]

    play(app_with(take), story)


def test_what_a_late_poll_brings_during_a_drain_is_handed_back():
    def take(body: bytes) -> None: ...

    async def story(consumer: Running) -> None:
        consumer.session.poll_s = 0.3
        consumer.assign()
        await consumer.until(lambda: consumer.session.attempt_ids)
        draining = asyncio.create_task(consumer.drain())
        await asyncio.sleep(0.05)
        consumer.session.put(*messages(2))
        drained = await draining
        assert drained.handed_back == 2
        assert consumer.session.acked == []

    play(app_with(take), story)


def test_a_message_larger_than_the_arena_runs_all_the_same_and_is_counted():
    sizes = []

    def take(body: bytes) -> None:
        sizes.append(len(body))

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(FakeReceived(bytes(2 << 20), message_id="big"))
        await consumer.until(lambda: consumer.session.acked == ["big"])
        assert read_vitals(consumer.segment).counters["orders"]["unshared"] == 1

    play(app_with(take), story)
    assert sizes == [2 << 20]


def test_async_handlers_run_beside_each_other_and_one_that_blocks_stalls_no_ack():
    async def take(body: bytes) -> None:
        await asyncio.sleep(0.05)

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(*messages(30))
        await consumer.until(lambda: Table(consumer.segment).counts().running >= 20)
        await consumer.until(lambda: len(consumer.session.acked) == 30)

    play(app_with(take), story)


def test_a_batch_handler_gets_what_came_within_its_wait():
    sizes = []

    def take(bodies: list[bytes]) -> None:
        sizes.append(len(bodies))

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(*messages(45))
        await consumer.until(lambda: len(consumer.session.acked) == 45)

    play(app_with(take, batch=20, batch_wait_s=0.05), story)
    assert max(sizes) == 20
    assert sum(sizes) == 45


def test_credit_keeps_what_is_held_within_the_configured_number():
    gate = threading.Event()

    def take(body: bytes) -> None:
        gate.wait(10)

    async def story(consumer: Running) -> None:
        consumer.assign(*(Shard("orders", number) for number in range(4)))
        consumer.session.put(*messages(300))
        await consumer.until(lambda: len(Table(consumer.segment).scan()) >= 32)
        await asyncio.sleep(0.1)
        assert len(Table(consumer.segment).scan()) <= 64
        gate.set()
        await consumer.until(lambda: len(consumer.session.acked) == 300)

    play(app_with(take), story)


def test_the_report_counts_what_was_done():
    def fail(body: bytes) -> None:
        raise ValueError("no ledger")

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(*messages(3))
        await consumer.until(lambda: len(consumer.session.released) == 3)

        def counted() -> bool:
            return any(report.topics[0].counters["failed"] == 3 for report in reports(consumer))

        await consumer.until(counted)
        errors = [error for report in reports(consumer) for topic in report.topics for error in topic.errors]
        assert [(error.kind, error.text, error.count) for error in errors] == [("ValueError", "no ledger", 3)]
        encoded = msgspec.msgpack.encode(reports(consumer)[-1])
        assert len(encoded) < 4096

    play(app_with(fail), story)


@pytest.mark.parametrize("lease_s", [0.3])
def test_a_lease_is_renewed_while_its_delivery_runs(lease_s):
    gate = threading.Event()

    def take(body: bytes) -> None:
        gate.wait(10)

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(*messages(2))
        await consumer.until(lambda: len(consumer.session.renewed) >= 4)
        entries = Table(consumer.segment).scan()
        assert all(entry.handle_room for entry in entries)
        gate.set()
        await consumer.until(lambda: len(consumer.session.acked) == 2)

    play(app_with(take), story, lease_s=lease_s)


def adopted(consumer: Running) -> Adopted:
    return next(news for news in consumer.news if isinstance(news, Adopted))


def test_what_a_dead_process_held_is_taken_over_by_its_state():
    seen = []

    def take(message: Message) -> None:
        seen.append((message.id, message.attempt))

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        remains.leave("queued//0", attempt=3)
        remains.run(remains.leave("running//1"))
        remains.done(remains.leave("acked//2"), EntryOutcome.ACK)
        remains.done(remains.leave("retried//3"), EntryOutcome.RETRY, after_ms=7000)
        remains.done(remains.leave("dead//4"), EntryOutcome.DEAD_LETTER)
        remains.leave("expired//5", lease_s=-1)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: not Table(consumer.segment).scan())
        assert adopted(consumer) == Adopted(run=2, settled=3, dropped=1)
        assert sorted(consumer.session.acked) == ["acked", "queued", "running"]
        assert consumer.session.released == [("retried", 7.0, True)]
        assert consumer.session.dead == ["dead"]
        assert read_vitals(consumer.segment).counters["orders"]["expired"] == 1

    play(app_with(take), story, left=left)
    assert sorted(seen) == [("queued", 3), ("running", 2)]


def test_adopted_deliveries_run_while_the_broker_is_away_and_are_settled_when_it_is_back():
    ran = threading.Event()

    def take(body: bytes) -> None:
        ran.set()

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: consumer.session.acked == ["m"])

    async def main() -> None:
        opening = FakeClients.open

        async def open_later(self: FakeClients, instance: str, group: str) -> Any:
            while not ran.is_set():  # noqa: ASYNC110 - set by a worker thread
                await asyncio.sleep(0.002)
            return await opening(self, instance, group)

        FakeClients.open = open_later
        try:
            await _play(app_with(take), story, config_of(), fifo=False, left=lambda s: Remains(s).leave("m//0"))
        finally:
            FakeClients.open = opening

    asyncio.run(main())


def test_order_within_a_group_holds_across_a_death():
    seen: list[str] = []

    def take(message: Message) -> None:
        seen.append(message.id)

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        remains.leave("a2/a/2", flags=FIFO)
        remains.done(remains.leave("b1/b/1", flags=FIFO), EntryOutcome.ACK)
        remains.run(remains.leave("a1/a/0", flags=FIFO))
        remains.leave("a3/a/3", flags=FIFO)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: len(consumer.session.acked) == 4)
        assert consumer.session.acked == ["a1", "b1", "a2", "a3"]

    play(app_with(take), story, fifo=True, left=left)
    assert seen == ["a1", "a2", "a3"]


def test_suspects_run_alone_and_before_what_was_queued():
    began: list[tuple[str, float]] = []
    ended: dict[str, float] = {}

    def take(message: Message) -> None:
        began.append((message.id, time.monotonic()))
        time.sleep(0.02)
        ended[message.id] = time.monotonic()

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        for name in ("q1", "q2", "q3"):
            remains.leave(f"{name}//{name[1]}")
        for name in ("s4", "s5"):
            remains.run(remains.leave(f"{name}//{name[1]}", flags=SUSPECT))

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: len(consumer.session.acked) == 5)

    play(app_with(take), story, left=left)
    assert [name for name, _ in began[:2]] == ["s4", "s5"]
    assert ended["s4"] <= began[1][1]
    assert ended["s5"] <= began[2][1]


def test_a_renewed_handle_is_the_one_that_the_successor_settles_with():
    handles = []

    def take(body: bytes) -> None: ...

    def left(segment: Segment) -> None:
        index = Remains(segment).leave("m//0")
        arena = Arena(segment)
        arena.reserve(0, 4)
        at = arena.alloc(128)
        write_handle(arena, at, 64, 1, "renewed")
        Table(segment).extend(index, time.monotonic_ns() + 10**10, at, 64, 1)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: consumer.session.acked == ["m"])
        handles.extend(consumer.session.handles)

    play(app_with(take), story, left=left)
    assert handles == ["renewed"]


def test_an_adopted_lease_is_renewed_however_little_of_it_is_left():
    gate = threading.Event()

    def take(body: bytes) -> None:
        gate.wait(10)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: consumer.session.renewed == ["m"])
        gate.set()
        await consumer.until(lambda: consumer.session.acked == ["m"])

    play(app_with(take), story, left=lambda segment: Remains(segment).leave("m//0", lease_s=1.5), lease_s=30)
