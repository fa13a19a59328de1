"""What a dead process had asked for at an ordered topic comes to its successor at once, and each message once."""

import time

from sylph_mp.shm.polls import Polls
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import FIFO, EntryOutcome, Table
from tests.unit.consumer.serving import Remains, Running, app_with, messages, parse, play


def test_what_was_on_the_wire_to_a_dead_process_is_asked_for_first_and_with_its_attempt_id():
    seen: list[bytes] = []

    def take(body: bytes) -> None:
        seen.append(body)

    async def story(consumer: Running) -> None:
        consumer.session.put(*messages(1))
        consumer.assign()
        await consumer.until(lambda: consumer.session.acked == ["m0"])
        await consumer.until(lambda: len(consumer.session.attempt_ids) > 2)
        assert consumer.session.attempt_ids[0] == "dead-1"
        await consumer.until(lambda: not any(poll.attempt_id == "dead-1" for poll in Polls(consumer.segment).scan()))

    def left(segment: Segment) -> None:
        Polls(segment).ask(0, 0, "dead-1", time.monotonic_ns() - int(10e9))

    play(app_with(take), story, fifo=True, left=left)
    assert seen == [b"{}"]


def test_a_poll_whose_messages_were_being_admitted_is_not_adopted_but_comes_again():
    """Killed in between, a process leaves some of them, with handles that are void when the rest is asked for."""
    seen: list[bytes] = []

    def take(body: bytes) -> None:
        seen.append(body)

    def left(segment: Segment) -> None:
        remains, polls = Remains(segment), Polls(segment)
        long_ago = time.monotonic_ns() - int(10e9)
        remains.leave("before/a/0", flags=FIFO)
        remains.leave("half/a/1", flags=FIFO, received_ns=long_ago)
        polls.ask(0, 0, "dead-1", long_ago)
        polls.arriving(0, long_ago)

    async def story(consumer: Running) -> None:
        await consumer.until(lambda: consumer.session.acked == ["before"])
        again = [parse(frame) for frame in (b"half/a/1", b"rest/a/2")]
        consumer.session.put(*again)
        consumer.assign()
        await consumer.until(lambda: len(consumer.session.acked) == 3)
        assert consumer.session.attempt_ids[0] == "dead-1"

    play(app_with(take), story, fifo=True, left=left)
    assert seen == [b"before/a/0", b"half/a/1", b"rest/a/2"]


def test_what_two_dead_processes_in_a_row_had_finished_is_not_run_by_the_third():
    """The second acked it, in the moment when a poll of the first, or its own, made the handle void."""
    seen: list[bytes] = []

    def take(body: bytes) -> None:
        seen.append(body)

    def left(segment: Segment) -> None:
        remains, polls = Remains(segment), Polls(segment)
        remains.done(remains.leave("acked/a/0", flags=FIFO), EntryOutcome.ACK)
        remains.leave("queued/a/1", flags=FIFO)
        polls.ask(0, 0, "dead-1", time.monotonic_ns() - int(10e9))

    async def story(consumer: Running) -> None:
        again = [parse(frame) for frame in (b"acked/a/0", b"queued/a/1", b"more/a/2")]
        for received in again:
            received.handle = f"popped again {received.id}"
        consumer.session.put(*again)
        await consumer.until(lambda: {received.handle for received in again} <= set(consumer.session.handles))

    play(app_with(take), story, fifo=True, left=left)
    assert seen == [b"queued/a/1", b"more/a/2"]


def test_a_drain_in_the_middle_leaves_nothing():
    """What is acked and kept is let go, and what comes with a poll that is still outstanding is handed back."""

    def take(body: bytes) -> None:
        """Succeed."""

    def left(segment: Segment) -> None:
        remains, polls = Remains(segment), Polls(segment)
        remains.done(remains.leave("done/a/0", flags=FIFO), EntryOutcome.ACK)
        remains.leave("queued/a/1", flags=FIFO)
        polls.ask(0, 0, "dead-1", time.monotonic_ns() - int(10e9))

    async def story(consumer: Running) -> None:
        consumer.session.put(*(parse(frame) for frame in (b"done/a/0", b"queued/a/1", b"more/a/2")))
        await consumer.until(lambda: "more" in consumer.session.acked)
        assert Table(consumer.segment).scan(), "kept"
        drained = await consumer.drain()
        assert drained.left == 0
        assert not Table(consumer.segment).scan()

    play(app_with(take), story, fifo=True, left=left)
