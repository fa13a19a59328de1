"""A FIFO group."""

import pytest

from sylph_mp.devbroker.store.refusal import Code, RefusedError
from tests.unit.devbroker.conftest import LEASE_MS, shown


def test_attempts_are_kept_when_the_next_batch_is_smaller(bench):
    here = bench(fifo=True)
    here.send("a", "b", "c")
    here.pop()
    here.pass_ms(LEASE_MS)
    first = here.pop(batch=1)
    assert shown(first) == [("a", 2)]
    here.ack(*first)
    assert shown(here.pop()) == [("b", 2), ("c", 2)]


def test_a_new_message_that_joins_a_batch_has_its_own_count(bench):
    here = bench(fifo=True)
    here.send("a")
    here.change(here.pop()[0], 0)
    here.send("b")
    assert shown(here.pop()) == [("a", 2), ("b", 1)]


def test_a_message_delivered_too_often_leaves_the_queue_when_it_is_the_head(bench):
    here = bench(fifo=True, max_attempts=1)
    here.send("a", "b")
    a, b = here.pop()
    here.ack(a)
    here.change(b, 0)
    here.send("c")
    assert shown(here.pop()) == [("c", 1)]
    assert shown(here.pop(topic="%DLQ%g", group="other")) == [("b", 3)]


def test_a_delivery_that_was_not_written_is_no_attempt_and_opens_the_queue(bench):
    here = bench(fifo=True)
    here.send("a")
    (delivery,) = here.pop()
    here.broker.subscription("t", "g").put_back(delivery, here.now_ms)
    assert shown(here.pop()) == [("a", 1)]


def test_a_lock_is_renewed_while_its_client_lives(bench):
    here = bench(fifo=True)
    here.alive.add("c1")
    here.send("a")
    (delivery,) = here.pop(renew_for="c1")
    here.pass_ms(10 * LEASE_MS)
    assert here.pop() == []
    here.ack(delivery)
    here.send("b")
    assert shown(here.pop()) == [("b", 1)]


def test_queues_are_locked_each_for_itself(bench):
    here = bench(fifo=True, queues=2)
    here.send("a", "b")
    assert len(here.pop(batch=1)) == 1
    assert len(here.pop(batch=1)) == 1
    assert here.pop(batch=1) == []


def test_an_offset_that_was_never_given_out_cannot_be_acked(bench):
    here = bench(fifo=True)
    here.send("a")
    (delivery,) = here.pop()
    fields = delivery.handle.text.split(" ")
    fields[7] = "7"
    (refusal,) = here.broker.ack("t", "g", [" ".join(fields)], here.now_ms)
    assert refusal.code == Code.INTERNAL_SERVER_ERROR


def test_an_expired_handle_cannot_be_changed(bench):
    here = bench(fifo=True)
    here.send("a")
    (delivery,) = here.pop()
    here.pass_ms(LEASE_MS)
    with pytest.raises(RefusedError, match="receipt handle is expired"):
        here.change(delivery, 1000)
