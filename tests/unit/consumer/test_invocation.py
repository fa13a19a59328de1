"""Whatever a handler returns or raises becomes a result; nothing gets past."""

import asyncio
import logging
import re
import threading
from pathlib import Path

import msgspec
import pytest

from sylph_mp.api import Ack, Context, DeadLetter, Message, Retry
from sylph_mp.config.file import shown_path
from sylph_mp.consumer.invocation import Invocation
from sylph_mp.consumer.outputs import Sender
from sylph_mp.consumer.thread_calls import Guard
from sylph_mp.logs import Log
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.shm.table import EntryOutcome
from tests.unit.turns import turns


class Order(msgspec.Struct):
    id: str


@pytest.fixture
def call(subscribe, deliver):
    """Call a handler function on messages with these bodies; returns the deliveries."""
    sender = Sender(encoders={"default": Encoder("", Limits())}, largest_bytes=1000, send_now=lambda *_: None)
    invocation = Invocation(slot=1, log=Log("slot 1"), handler_log=logging.getLogger("app"), sender=sender)

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
    assert result.failure.place == f"{shown_path(Path(__file__))}:{fail.__code__.co_firstlineno + 1}"


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
        await turns()
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


def test_what_is_sent_leaves_with_success_only(call):
    def send(body: bytes, ctx: Context):
        ctx.send("receipts", {"of": 7}, keys=["k"])
        ctx.send("audit", b"x", instance="default")
        if body == b"raise":
            raise ValueError
        return Retry(5) if body == b"retry" else None

    (acked,) = call(send, b"fine")
    assert [(output.address.instance, output.address.topic) for output in acked.outputs] == [
        ("default", "receipts"),
        ("default", "audit"),
    ]
    assert b'{"of":7}' in acked.outputs[0].part
    assert not call(send, b"raise")[0].outputs
    assert not call(send, b"retry")[0].outputs


def test_of_a_batch_those_that_are_acked_wait_for_what_was_sent(call):
    def send(bodies: list[bytes], ctx: Context) -> list[Retry | None]:
        ctx.send("receipts", b"both")
        return [None, Retry(), None]

    first, again, last = call(send, b"1", b"2", b"3", batch=10)

    assert first.outputs is last.outputs
    assert [output.address.topic for output in first.outputs] == ["receipts"]
    assert not again.outputs


@pytest.mark.parametrize(
    ("send", "says"),
    [
        (lambda ctx: ctx.send("receipts", bytes(2000)), "payload makes a message of 2,0.. bytes; at most 1,000 bytes"),
        (lambda ctx: ctx.send("receipts", b"x", instance="other"), "instance 'other' is not in the configuration"),
        (lambda ctx: ctx.send("receipts", b"x", keys=["a b"]), "keys 'a b' has a blank"),
    ],
)
def test_what_no_server_would_take_is_the_handlers_failure(call, send, says):
    def handle(body: bytes, ctx: Context) -> None:
        send(ctx)

    (delivery,) = call(handle, b"")

    assert outcome_of(delivery) is EntryOutcome.RETRY
    assert re.search(says, delivery.result.failure.text)


def test_waiting_for_a_receipt_would_stop_the_async_handlers(call):
    async def handle(body: bytes, ctx: Context) -> None:
        ctx.send_now("receipts", b"x")

    (delivery,) = call(handle, b"")

    assert "await ctx.send_now_async" in delivery.result.failure.text
