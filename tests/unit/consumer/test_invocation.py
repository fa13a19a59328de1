"""Whatever a handler returns or raises becomes a result; nothing gets past."""

import asyncio
import logging
import threading

import msgspec
import pytest

from sylph_mp.api import Ack, Context, DeadLetter, Message, Retry
from sylph_mp.consumer.invocation import Invocation
from sylph_mp.consumer.thread_calls import Guard
from sylph_mp.logs import Log
from sylph_mp.shm.table import EntryOutcome


class Order(msgspec.Struct):
    id: str


@pytest.fixture
def call(subscribe, deliver):
    """Call a handler function on messages with these bodies; returns the deliveries."""
    invocation = Invocation(slot=1, log=Log("slot 1"), handler_log=logging.getLogger("app"))

    def make(function, *bodies, attempt=1, **settings):
        subscription = subscribe(function, **settings)
        deliveries = deliver(subscription, *(f"m{place}" for place in range(len(bodies))))
        for delivery, body in zip(deliveries, bodies, strict=True):
            delivery.source.body = body
            delivery.attempt = attempt
        if subscription.handler.is_async:
            asyncio.run(invocation.call_async(deliveries, 0))
        else:
            invocation.call(deliveries, 0, Guard(threading.get_ident()))
        return deliveries

    return make


def outcome_of(delivery):
    return delivery.result.outcome


def test_none_and_ack_are_success(call):
    def nothing(body: bytes) -> None:
        pass

    def ack(body: bytes) -> Ack:
        return Ack()

    assert outcome_of(call(nothing, b"")[0]) is EntryOutcome.ACK
    assert outcome_of(call(ack, b"")[0]) is EntryOutcome.ACK


@pytest.mark.parametrize("raised", [True, False])
def test_an_outcome_may_be_returned_or_raised(call, raised):
    def later(body: bytes) -> Retry:
        if raised:
            raise Retry("ledger closed", after_s=30)
        return Retry("ledger closed", after_s=30)

    result = call(later, b"")[0].result
    assert result.outcome is EntryOutcome.RETRY
    assert result.after_s == 30
    assert result.failure.text == "ledger closed"
    assert not result.raised


def test_any_other_exception_is_a_retry_by_the_policy_and_names_the_handlers_line(call):
    def fail(body: bytes) -> None:
        int("x")

    result = call(fail, b"", attempt=3)[0].result
    assert result.outcome is EntryOutcome.RETRY
    assert result.after_s == pytest.approx(0.04)
    assert result.raised
    assert result.failure.kind == "ValueError"
    assert result.failure.place == f"{__file__}:{fail.__code__.co_firstlineno + 1}"


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_what_would_end_a_thread_is_a_failure_like_any_other(call, error):
    def leave(body: bytes) -> None:
        raise error

    assert outcome_of(call(leave, b"")[0]) is EntryOutcome.RETRY


def test_the_last_attempt_goes_to_the_dead_letter_topic(call):
    def fail(body: bytes) -> None:
        raise ValueError

    assert outcome_of(call(fail, b"", attempt=4, max_attempts=4)[0]) is EntryOutcome.DEAD_LETTER
    assert outcome_of(call(fail, b"", attempt=3, max_attempts=4)[0]) is EntryOutcome.RETRY


def test_a_body_is_decoded_to_the_first_parameters_type(call):
    seen = []

    def charge(order: Order, ctx: Context) -> None:
        seen.append((order, ctx.attempt, ctx.message.id, ctx.slot))

    call(charge, b'{"id": "7"}', attempt=2)
    assert seen == [(Order("7"), 2, "m0", 1)]


def test_a_handler_may_take_the_message_itself(call):
    seen = []

    def take(message: Message) -> None:
        seen.append(message.body)

    call(take, b"raw")
    assert seen == [b"raw"]


def test_a_body_that_cannot_be_decoded_is_dead_lettered_with_the_reason_and_the_handler_is_not_called(call):
    def charge(order: Order) -> None:
        raise AssertionError("not to be called")

    result = call(charge, b'{"id": 7}')[0].result
    assert result.outcome is EntryOutcome.DEAD_LETTER
    assert "Expected `str`, got `int`" in result.failure.text


def test_an_async_handler_is_awaited(call):
    async def later(body: bytes) -> Retry:
        await asyncio.sleep(0)
        return Retry(after_s=1)

    assert outcome_of(call(later, b"")[0]) is EntryOutcome.RETRY


def test_a_batch_handler_gets_all_that_can_be_decoded(call):
    seen = []

    def charge(orders: list[Order]) -> None:
        seen.extend(order.id for order in orders)

    good, bad, last = call(charge, b'{"id": "1"}', b"?", b'{"id": "3"}', batch=10)
    assert seen == ["1", "3"]
    assert [outcome_of(each) for each in (good, bad, last)] == [
        EntryOutcome.ACK,
        EntryOutcome.DEAD_LETTER,
        EntryOutcome.ACK,
    ]


def test_a_batch_handler_may_say_something_else_of_each_message(call):
    def charge(orders: list[Order]) -> list[object]:
        return [None, Retry(after_s=5), DeadLetter("no")]

    deliveries = call(charge, *[b'{"id": "1"}'] * 3, batch=10)
    assert [outcome_of(each) for each in deliveries] == [
        EntryOutcome.ACK,
        EntryOutcome.RETRY,
        EntryOutcome.DEAD_LETTER,
    ]


def test_a_batch_with_the_wrong_number_of_outcomes_is_retried_whole(call):
    def charge(orders: list[Order]) -> list[object]:
        return [None]

    deliveries = call(charge, *[b'{"id": "1"}'] * 2, batch=10)
    assert [outcome_of(each) for each in deliveries] == [EntryOutcome.RETRY] * 2


def test_a_value_that_is_no_outcome_is_taken_for_success(call):
    def charge(body: bytes) -> int:
        return 7

    assert outcome_of(call(charge, b"")[0]) is EntryOutcome.ACK
