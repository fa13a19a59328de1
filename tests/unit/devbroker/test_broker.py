"""Memory, delays, transactions."""

import pytest
from msgspec.structs import replace

from sylph_mp.devbroker.store.record import Kind
from sylph_mp.devbroker.store.refusal import Code, RefusedError
from sylph_mp.devbroker.store.transactions import FIRST_CHECK_MS, MOST_CHECKS, NEXT_CHECK_MS
from tests.unit.devbroker.conftest import shown


def test_a_send_that_does_not_fit_is_refused_as_a_whole_until_something_is_settled(bench):
    here = bench(memory_bytes=10_000)
    here.send(*["x" * 900] * 9)
    with pytest.raises(RefusedError) as refused:
        here.send("x" * 900)
    assert refused.value.code == Code.TOO_MANY_REQUESTS
    here.ack(*here.pop(batch=4))
    here.send("x" * 900)


def test_settled_messages_leave_the_memory(bench):
    here = bench(memory_bytes=10_000)
    for _ in range(100):
        here.send("x" * 900)
        here.ack(*here.pop())
    assert here.broker.memory.used <= 5_000 + 1_100


def test_a_group_that_comes_later_gets_what_is_still_in_memory(bench):
    here = bench()
    here.send("a")
    here.ack(*here.pop())
    assert shown(here.pop(group="later")) == [("a", 1)]


def test_a_delayed_message_comes_at_the_next_whole_second(bench):
    here = bench()
    here.broker.send("t", [replace(here.record("a"), deliver_at_ms=here.now_ms + 1_200)], here.now_ms)
    here.pass_ms(1_999)
    assert here.pop() == []
    here.pass_ms(1)
    assert shown(here.pop()) == [("a", 1)]


def test_an_open_transaction_is_asked_about_until_it_is_given_up(bench):
    here = bench()
    half = here.record("a", kind=Kind.TRANSACTION)
    transaction = here.broker.begin("t", half, check_after_ms=0, now_ms=here.now_ms)
    here.pass_ms(FIRST_CHECK_MS)
    assert here.asked == [transaction]
    here.pass_ms(100 * NEXT_CHECK_MS)
    assert here.asked == [transaction] * MOST_CHECKS
    with pytest.raises(RefusedError, match="cannot found transaction data"):
        here.broker.end(transaction, commit=True, now_ms=here.now_ms)


def test_a_transaction_that_ended_is_not_asked_about(bench):
    here = bench()
    half = here.record("a", kind=Kind.TRANSACTION)
    transaction = here.broker.begin("t", half, check_after_ms=60_000, now_ms=here.now_ms)
    here.pass_ms(59_999)
    here.broker.end(transaction, commit=True, now_ms=here.now_ms)
    here.pass_ms(100 * NEXT_CHECK_MS)
    assert here.asked == []
    assert shown(here.pop()) == [("a", 1)]
