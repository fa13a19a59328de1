"""A whole consumer but for the broker: what the master says goes in, what the broker is told comes out."""

import asyncio
import threading
import time
from typing import Any

import msgspec
import pytest

from sylph_mp.api import DeadLetter, Message, Retry
from sylph_mp.errors import HandleExpiredError, StatusError, TransportError
from sylph_mp.pipe import Adopted, Assign, Ready, Shard
from sylph_mp.ports import Settled
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.handles import write_handle
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import SUSPECT, EntryOutcome, Table
from sylph_mp.shm.vitals import VitalsState, read_vitals
from sylph_mp.testing.fake_clients import FakeClients
from sylph_mp.testing.fake_session import FakeReceived
from tests.unit.consumer.serving import Remains, Running, app_with, messages, play, reports
from tests.unit.turns import turns


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
        consumer.master.post(Assign(shards=(), threads=4, log_level="error"))
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
        await consumer.until(lambda: read_vitals(consumer.segment).state is VitalsState.DRAINING)
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
    waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def take(body: bytes) -> None:
        waiting.append((asyncio.get_running_loop(), asyncio.Event()))
        await waiting[-1][1].wait()

    async def story(consumer: Running) -> None:
        consumer.assign()
        consumer.session.put(*messages(30))
        await consumer.until(lambda: Table(consumer.segment).counts().running >= 20)
        await consumer.until(lambda: len(waiting) == 30)
        for loop, end in waiting:
            loop.call_soon_threadsafe(end.set)
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
        # Until no receive is outstanding: none of the four shards has credit any more.
        await consumer.until(lambda: [report.polls for report in reports(consumer) if report.in_flight][-1:] == [0])
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


@pytest.mark.parametrize("lease_s", [1.0])
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
        remains.leave("as good as expired//6", lease_s=0.9)
        remains.done(remains.leave("still acked//7", lease_s=0.9), EntryOutcome.ACK)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: not Table(consumer.segment).scan())
        await consumer.until(lambda: any(isinstance(news, Adopted) for news in consumer.news))
        assert adopted(consumer) == Adopted(run=2, settled=4, dropped=2)
        assert sorted(consumer.session.acked) == ["acked", "queued", "running", "still acked"]
        assert consumer.session.released == [("retried", 7.0, True)]
        assert consumer.session.dead == ["dead"]
        await consumer.until(lambda: read_vitals(consumer.segment).counters["orders"]["expired"] == 2)

    play(app_with(take), story, left=left)
    assert sorted(seen) == [("queued", 3), ("running", 2)]


def test_adopted_deliveries_run_while_the_broker_is_away_and_are_settled_when_it_is_back(monkeypatch):
    ran = threading.Event()

    def take(body: bytes) -> None:
        ran.set()

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: consumer.session.acked == ["m"])

    opening = FakeClients.open

    async def open_later(self: FakeClients, instance: str, group: str) -> Any:
        assert await asyncio.to_thread(ran.wait, 10)
        return await opening(self, instance, group)

    monkeypatch.setattr(FakeClients, "open", open_later)
    play(app_with(take), story, left=lambda segment: Remains(segment).leave("m//0"))


def test_suspects_run_alone_and_before_what_was_queued():
    began: list[tuple[str, float]] = []
    ended: dict[str, float] = {}
    go = threading.Semaphore(0)

    def take(message: Message) -> None:
        began.append((message.id, time.monotonic()))
        assert go.acquire(timeout=10)
        ended[message.id] = time.monotonic()

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        for name in ("q1", "q2", "q3"):
            remains.leave(f"{name}//{name[1]}")
        for name in ("s4", "s5"):
            remains.run(remains.leave(f"{name}//{name[1]}", flags=SUSPECT))

    async def story(consumer: Running) -> None:
        for alone in (1, 2):
            await consumer.until(lambda: len(began) == alone)  # noqa: B023
            await turns(50)  # in which nobody else may begin
            go.release()
        go.release(3)
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
