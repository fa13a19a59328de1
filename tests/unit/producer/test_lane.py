"""A lane gives every message one receipt, whatever the broker answers."""

import asyncio

import pytest

from sylph_mp.errors import CallTimeoutError, NotSentError, StatusError, TransportError
from sylph_mp.producer.encoding import Kind
from sylph_mp.producer.send_queues import BatchQueue, GroupQueue, SingleQueue
from tests.unit.producer.publishing import LaneAt
from tests.unit.turns import turns

REFUSED = StatusError(40007, "property is used by system: KEYS")


def test_what_comes_in_one_turn_of_the_loop_goes_in_one_request():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL)
        for n in range(100):
            at.put(b"%d" % n)
        await at.empty()
        assert [len(bodies) for bodies in at.sender.requests] == [100]
        assert [one.offset for one in at.receipts] == list(range(10, 110))
        assert at.settled == 100
        assert at.lane.snapshot().batch_size == 100

    asyncio.run(run())


def test_a_message_that_is_alone_does_not_wait_and_what_comes_meanwhile_goes_together():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL, in_flight=1)
        answer = asyncio.get_running_loop().create_future()
        at.sender.answers.append(answer)
        at.put(b"first")
        await at.until(lambda: at.sender.requests)
        for n in range(5):
            at.put(b"%d" % n)
            await turns()
        assert at.sender.requests == [[b"first"]]
        answer.set_result(None)
        await at.empty()
        assert at.sender.requests == [[b"first"], [b"0", b"1", b"2", b"3", b"4"]]

    asyncio.run(run())


def test_one_bad_message_fails_alone():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL)
        at.sender.refuses = lambda bodies: REFUSED if b"bad" in bodies else None
        for body in (b"a", b"b", b"bad", b"c", b"d", b"e", b"f", b"g"):
            at.put(body)
        await at.empty()
        failed = [(body, unknown) for body, error, unknown in at.outcomes() if error]
        assert failed == [(b"bad", False)]
        assert sorted(body for body, error, _ in at.outcomes() if not error) == [
            b"a",
            b"b",
            b"c",
            b"d",
            b"e",
            b"f",
            b"g",
        ]
        assert len(at.sender.requests) <= 2 * 3 + 1

    asyncio.run(run())


def test_what_was_put_together_is_one_answer_and_cut_where_a_request_is_full():
    async def run():
        bodies = [b"%03d" % n * 300 for n in range(10)]
        at = LaneAt(BatchQueue(), Kind.NORMAL, in_flight=1, batch_bytes=5000)
        at.put_together(*bodies)
        await at.empty()
        assert [len(bodies) for bodies in at.sender.requests] == [4, 4, 2]
        assert [(body, one.offset) for body, one in zip(bodies, at.receipts, strict=True)] == list(
            zip(bodies, [10, 11, 12, 13, 20, 21, 22, 23, 30, 31], strict=True)
        )
        assert [body for body, error, _ in at.outcomes() if error is None] == bodies
        assert at.settled == 10

    asyncio.run(run())


def test_one_bad_message_fails_alone_in_what_was_put_together():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL)
        at.sender.refuses = lambda bodies: REFUSED if b"bad" in bodies else None
        at.put_together(b"a", b"b", b"bad", b"c", b"d", b"e", b"f")
        at.put_together(b"g")
        await at.empty()
        assert sorted((body, error) for body, error, _ in at.outcomes() if error is None) == [
            (body, None) for body in (b"a", b"b", b"c", b"d", b"e", b"f", b"g")
        ]
        assert [body for body, error, _ in at.outcomes() if error] == [b"bad"]

    asyncio.run(run())


def test_what_was_put_together_goes_one_by_one_where_it_has_to():
    async def run():
        at = LaneAt(SingleQueue(), Kind.DELAY)
        at.put_together(b"a", b"b", b"c")
        await at.empty()
        assert sorted(at.sender.requests) == [[b"a"], [b"b"], [b"c"]]
        assert sorted(body for body, error, _ in at.outcomes() if error is None) == [b"a", b"b", b"c"]

    asyncio.run(run())


NO_ROUTE = StatusError(40402, "no route")


@pytest.mark.parametrize("before", [None, NotSentError("connection refused")])
def test_a_topic_that_a_returning_broker_does_not_know_yet_is_waited_for(before):
    async def run():
        at = LaneAt(GroupQueue(), Kind.FIFO, give_up_s=1000.0)
        at.sender.answers.extend([before, *[NO_ROUTE] * 5])
        at.put(b"first", group="g")
        if before is None:
            await at.empty()
        at.put(b"second", group="g")
        await at.empty()
        assert [(body, error) for body, error, _ in at.outcomes()] == [(b"first", None), (b"second", None)]

    asyncio.run(run())


def test_a_topic_that_is_gone_is_not_waited_for_for_ever():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL, give_up_s=1000.0)
        at.put(b"stored")
        await at.empty()
        at.sender.refuses = lambda bodies: NO_ROUTE
        at.put(b"late")
        await at.until(lambda: len(at.sender.requests) > 4)
        assert len(at.receipts) == 1
        at.clock.now += 61.0
        await at.empty()
        assert at.outcomes()[1] == (b"late", NO_ROUTE, False)

    asyncio.run(run())


def test_what_holds_for_the_whole_topic_is_asked_once():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL)
        at.sender.refuses = lambda bodies: StatusError(40402, "no route")
        for n in range(50):
            at.put(b"%d" % n)
        await at.empty()
        assert len(at.sender.requests) == 1
        assert [type(one.error) for one in at.receipts] == [StatusError] * 50

    asyncio.run(run())


def test_a_batch_that_is_too_large_for_the_server_is_sent_in_halves():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL)
        at.sender.refuses = lambda bodies: StatusError(50001, "message body size exceeded") if len(bodies) > 2 else None
        for n in range(8):
            at.put(b"%d" % n)
        await at.empty()
        assert [one.error for one in at.receipts] == [None] * 8

    asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "duplicates", "unknown", "requests"),
    [
        (CallTimeoutError("late"), False, True, 1),
        (TransportError("reset"), False, True, 1),
        (StatusError(50401, "not on disk yet"), False, True, 1),
        (CallTimeoutError("late"), True, True, 3),
        (StatusError(42900, "slow down"), False, False, 3),
        (REFUSED, False, False, 1),
    ],
)
def test_what_is_tried_again_and_what_is_unknown(error, duplicates, unknown, requests):
    async def run():
        at = LaneAt(SingleQueue(), Kind.DELAY, duplicates=duplicates)
        at.sender.refuses = lambda bodies: error
        at.put(b"x")
        await at.empty()
        assert at.outcomes() == [(b"x", error, unknown)]
        assert len(at.sender.requests) == requests

    asyncio.run(run())


def test_without_a_connection_it_is_tried_until_it_is_too_old():
    async def run():
        at = LaneAt(SingleQueue(), Kind.DELAY, retries=0, give_up_s=60)
        at.sender.answers.extend([NotSentError("refused")] * 4)
        at.put(b"x")
        await at.empty()
        assert at.outcomes() == [(b"x", None, False)]
        at.sender.refuses = lambda bodies: NotSentError("refused")
        at.put(b"y")
        await at.until(lambda: len(at.sender.requests) == 7)
        assert at.lane.snapshot().error == "refused"
        at.clock.now += 61
        await at.empty()
        assert at.outcomes()[1][0] == b"y"
        assert at.outcomes()[1][2] is False

    asyncio.run(run())


@pytest.mark.parametrize("error", [StatusError(50001, "broker busy"), CallTimeoutError("no answer in 3 s")])
def test_an_outage_costs_none_of_the_retries_that_a_returning_broker_needs(error):
    async def run():
        at = LaneAt(SingleQueue(), Kind.NORMAL, give_up_s=1000.0, duplicates=True)
        at.sender.answers.extend([*[NotSentError("refused")] * 30, error])
        at.put(b"x")
        await at.empty()
        assert at.outcomes() == [(b"x", None, False)]
        assert len(at.sender.requests) == 32

    asyncio.run(run())


def test_a_failure_after_an_unknown_try_stays_unknown():
    async def run():
        at = LaneAt(SingleQueue(), Kind.DELAY, duplicates=True)
        at.sender.answers.extend([CallTimeoutError("late"), REFUSED])
        at.put(b"x")
        await at.empty()
        assert at.outcomes() == [(b"x", REFUSED, True)]

    asyncio.run(run())


def test_a_group_waits_while_its_head_is_tried_again_and_others_go_on():
    async def run():
        at = LaneAt(GroupQueue(), Kind.FIFO)
        at.sender.answers.append(StatusError(42900, "slow down"))
        for n in range(3):
            at.put(b"a%d" % n, group="a")
        at.put(b"b0", group="b")
        await at.until(lambda: [b"b0"] in at.sender.requests)
        assert [b"a1"] not in at.sender.requests
        await at.empty()
        of_a = [bodies[0] for bodies in at.sender.requests if bodies[0].startswith(b"a")]
        assert of_a == [b"a0", b"a0", b"a1", b"a2"]

    asyncio.run(run())


def test_abandon_gives_every_message_its_receipt():
    async def run():
        at = LaneAt(BatchQueue(), Kind.NORMAL, in_flight=1)
        at.sender.answers.append(asyncio.get_running_loop().create_future())
        at.put(b"on the wire")
        await at.until(lambda: at.sender.requests)
        at.put(b"waiting")
        await at.lane.abandon()
        assert [(body, unknown) for body, _, unknown in at.outcomes()] == [(b"on the wire", True), (b"waiting", False)]
        await at.until(lambda: at.settled == 2)

    asyncio.run(run())


def test_the_oldest_is_dropped():
    async def run():
        at = LaneAt(GroupQueue(), Kind.FIFO, in_flight=1)
        at.sender.answers.append(asyncio.get_running_loop().create_future())
        at.put(b"a0", group="a")
        await at.until(lambda: at.sender.requests)
        for body, group in ((b"a1", "a"), (b"b0", "b")):
            at.clock.now += 1
            at.put(body, group=group)
            await turns()
        at.lane.drop_oldest()
        assert at.lane.snapshot().queued == 1
        assert at.lane.snapshot().dropped == 1
        await at.lane.abandon()
        assert [body for body, _, _ in at.outcomes()] == [b"a0", b"b0"]

    asyncio.run(run())


def test_a_defect_leaves_nobody_waiting():
    async def run():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
        at = LaneAt(BatchQueue(), Kind.NORMAL)
        defect = ValueError("of the program")
        at.sender.answers.append(defect)
        at.put(b"a")
        at.put(b"b")
        await at.empty()
        assert [(body, str(error), unknown) for body, error, unknown in at.outcomes()] == [
            (b"a", "ValueError: of the program", True),
            (b"b", "ValueError: of the program", True),
        ]
        assert told == [defect]
        at.put(b"c")
        await at.empty()
        assert at.outcomes()[-1] == (b"c", None, False)

    asyncio.run(run())
