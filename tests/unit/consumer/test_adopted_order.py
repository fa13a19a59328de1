"""What a dead process held of ordered queues goes on in order, whatever state each delivery was in."""

import time

import pytest

from sylph_mp.api import Ack, Context, Message, Retry
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import FIFO, EntryOutcome, Table
from tests.unit.consumer.serving import Remains, Running, app_with, play


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


def test_a_retry_that_a_dead_process_was_to_wait_for_holds_up_its_group_in_the_next_one():
    seen: list[tuple[str, int, float]] = []

    def take(message: Message, ctx: Context) -> None:
        seen.append((message.id, ctx.attempt, time.monotonic()))

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        remains.done(remains.leave("a1/a/0", flags=FIFO), EntryOutcome.RETRY, after_ms=100)
        remains.leave("a2/a/1", flags=FIFO)
        remains.leave("b1/b/2", flags=FIFO)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: len(consumer.session.acked) == 3)
        assert consumer.session.acked == ["a1", "a2", "b1"]
        assert consumer.session.released == []

    began = time.monotonic()
    play(app_with(take), story, fifo=True, left=left)
    assert [(message, attempt) for message, attempt, _ in seen] == [("b1", 1), ("a1", 2), ("a2", 1)]
    assert seen[1][2] - began >= 0.1


def test_a_batch_that_waited_for_its_retry_goes_on_though_batches_are_smaller_now():
    seen: list[list[str]] = []

    def take(messages: list[Message]) -> list[Ack | Retry]:
        seen.append([message.id for message in messages])
        return [Ack() for _ in messages]

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        for frame in ("a1/a/0", "a2/a/1"):
            remains.done(remains.leave(frame, flags=FIFO), EntryOutcome.RETRY, after_ms=50)
        remains.leave("a3/a/2", flags=FIFO)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: len(consumer.session.acked) == 3)

    # The handler was changed to smaller batches in between.
    play(app_with(take, batch=1), story, fifo=True, left=left)
    assert seen == [["a1"], ["a2"], ["a3"]]


@pytest.mark.parametrize(("batch", "lease_s"), [(1, -1), (10, -1), (1, 0.9)])
def test_nothing_runs_that_is_behind_a_delivery_whose_lease_was_lost(batch, lease_s):
    """The broker delivers that again, and from there on everything."""
    seen: list[str] = []

    def take(messages: list[Message]) -> None:
        seen.extend(message.id for message in messages)

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        remains.leave("a1/a/0", flags=FIFO, lease_s=lease_s)
        remains.leave("a2/a/1", flags=FIFO)
        remains.leave("b1/b/2", flags=FIFO)
        remains.leave("a3/a/3", flags=FIFO)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: consumer.session.acked == ["b1"])
        assert (await consumer.drain()).left == 0

    play(app_with(take, batch=batch), story, fifo=True, left=left)
    assert seen == ["b1"]


def test_what_came_with_a_message_that_is_not_in_shared_memory_is_left_to_the_broker_with_it():
    """Nobody knows its place, so what is behind it might run first; what had come before is not concerned."""
    seen: list[str] = []

    def take(message: Message) -> None:
        seen.append(message.id)

    def left(segment: Segment) -> None:
        remains = Remains(segment)
        now_ns = time.monotonic_ns()
        remains.leave("a0/a/0", flags=FIFO, received_ns=now_ns - 10**9)
        remains.done(remains.leave("a1/a/1", flags=FIFO, received_ns=now_ns), EntryOutcome.ACK)
        remains.unshared(flags=FIFO, received_ns=now_ns)
        remains.leave("a3/a/3", flags=FIFO, received_ns=now_ns)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: not Table(consumer.segment).scan())
        assert consumer.session.acked == ["a0", "a1"]

    play(app_with(take), story, fifo=True, left=left)
    assert seen == ["a0"]
