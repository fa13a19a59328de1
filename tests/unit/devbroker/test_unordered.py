"""A group that is not FIFO."""

from tests.unit.devbroker.conftest import LEASE_MS, shown


def test_a_lease_that_ends_brings_the_message_back_as_a_further_attempt(bench):
    here = bench()
    here.send("a")
    here.pop()
    here.pass_ms(LEASE_MS - 1)
    assert here.pop() == []
    here.pass_ms(1)
    assert shown(here.pop()) == [("a", 2)]


def test_what_comes_back_goes_before_what_is_new(bench):
    here = bench()
    here.send("a")
    here.change(here.pop()[0], 1000)
    here.send("b")
    here.pass_ms(1000)
    assert shown(here.pop(batch=1)) == [("a", 2)]


def test_a_handle_that_was_replaced_settles_nothing(bench):
    here = bench()
    here.send("a")
    (delivery,) = here.pop()
    here.change(delivery, 5000)
    here.ack(delivery)
    here.pass_ms(5000)
    assert shown(here.pop()) == [("a", 2)]


def test_an_acked_message_is_not_brought_back_by_a_change(bench):
    here = bench()
    here.send("a")
    (delivery,) = here.pop()
    here.ack(delivery)
    here.change(delivery, 0)
    here.pass_ms(LEASE_MS)
    assert here.pop() == []


def test_a_lease_is_renewed_while_its_client_lives(bench):
    here = bench()
    here.alive.add("c1")
    here.send("a")
    (delivery,) = here.pop(renew_for="c1")
    here.pass_ms(10 * LEASE_MS)
    assert here.pop() == []
    here.ack(delivery)
    here.alive.clear()
    here.pass_ms(10 * LEASE_MS)
    assert here.pop() == []


def test_the_renewed_leases_of_a_client_that_goes_end_within_a_second(bench):
    here = bench()
    here.alive.add("c1")
    here.send("a")
    here.pop(renew_for="c1")
    here.broker.abandon("c1", here.now_ms)
    here.pass_ms(1000)
    assert shown(here.pop()) == [("a", 2)]


def test_a_delivery_that_was_not_written_is_no_attempt(bench):
    here = bench()
    here.send("a")
    (delivery,) = here.pop()
    here.broker.subscription("t", "g").put_back(delivery, here.now_ms)
    here.pass_ms(1000)
    assert shown(here.pop()) == [("a", 1)]


def test_a_message_delivered_too_often_is_found_in_the_dead_letter_topic(bench):
    here = bench(max_attempts=2)
    here.send("a")
    for attempt in (1, 2):
        (delivery,) = here.pop()
        assert delivery.attempt == attempt
        here.change(delivery, 0)
        here.pass_ms(0)
    assert here.pop() == []
    assert shown(here.pop(topic="%DLQ%g", group="other")) == [("a", 4)]
