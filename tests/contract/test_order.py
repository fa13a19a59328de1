"""How a FIFO group receives: in order, a queue's batch at a time, everything from the first failure again."""

import time
from collections.abc import Callable

import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from tests.contract.client import fifo, message
from tests.contract.conftest import Place

#: No case lasts so long on a broker that is ten times as slow as usual: what is held is not back by itself.
HELD_S = 60


@pytest.fixture
def ordered(broker, place) -> Callable[[int], Place]:
    """Makes a topic with one queue and `count` messages in it, one batch for who receives: "0", "1", ..."""

    def make(count):
        here = place("FIFO", queues=1)
        for one in fifo(here.topic, "g", [str(number) for number in range(count)]):
            assert here.client.send(one).status.code == d.OK
        broker.until_visible(here.topic, count)
        return here

    return make


def test_a_message_group_stays_in_one_queue(broker, place):
    here = place("FIFO")
    for number in range(10):
        here.send(str(number), kind=d.FIFO, group="customer-7")
    broker.until_visible(here.topic, 10)
    got = here.receive()
    assert got.bodies == [str(number) for number in range(10)]
    assert len({m.system_properties.queue_id for m in got.messages}) == 1
    assert {m.system_properties.message_group for m in got.messages} == {"customer-7"}


def test_what_failed_brings_back_all_behind_it_but_nothing_before(ordered):
    here = ordered(5)
    got = here.receive(invisible=HELD_S).messages
    here.ack(got[0], got[1], got[3])
    here.change(got[2], 0)
    here.change(got[4], 0)
    again = here.receive()
    assert (again.bodies, again.attempts) == (["2", "3", "4"], [2, 2, 2])


def test_what_a_locked_queue_gives(broker, place, ordered, together):
    def locked():
        here = ordered(6)
        batch = here.receive(batch=4, invisible=HELD_S)
        assert batch.bodies == ["0", "1", "2", "3"]
        assert here.receive().code == d.MESSAGE_NOT_FOUND
        here.ack(*reversed(batch.messages[1:]))
        assert here.receive().code == d.MESSAGE_NOT_FOUND, "the first is still out"
        here.ack(batch.messages[0])
        assert here.receive().bodies == ["4", "5"]

    def failed_in_part():
        here = ordered(2)
        first, second = here.receive(invisible=HELD_S).messages
        here.change(second, 0)
        assert here.receive().code == d.MESSAGE_NOT_FOUND, "it waits for the rest of its batch"
        here.ack(first)
        assert here.receive().bodies == ["1"]

    def asked_with_the_same_attempt_id():
        here = ordered(5)
        first = here.receive(batch=2, attempt_id="a1", invisible=HELD_S)
        again = here.receive(batch=3, attempt_id="a1", invisible=HELD_S)
        assert (first.bodies, again.bodies) == (["0", "1"], ["0", "1", "2"])
        assert again.attempts == [1, 1, 1]
        assert here.ack(*first.messages).status.code == d.OK, "the first handles are no error,"
        assert here.receive(attempt_id="a2").code == d.MESSAGE_NOT_FOUND, "but open nothing"
        here.ack(*again.messages)
        assert here.receive(attempt_id="a3").bodies == ["3", "4"]

    def asked_again_with_less_room():
        here = ordered(4)
        first = here.receive(batch=4, attempt_id="a1", invisible=HELD_S)
        again = here.receive(batch=2, attempt_id="a1", invisible=HELD_S)
        assert (first.bodies, again.bodies) == (["0", "1", "2", "3"], ["0", "1"])
        here.ack(*first.messages[2:])
        here.ack(*again.messages)
        assert here.receive(attempt_id="a2").bodies == ["2", "3"], "what did not come again is with nobody"

    def queues_asked_for_with_one_attempt_id():
        here = place("FIFO", queues=4)
        sent = {str(number) for number in range(12)}
        for body in sorted(sent):
            here.send(body, kind=d.FIFO, group=f"customer-{body}")
        broker.until_visible(here.topic, len(sent))
        first = here.receive(attempt_id="a1", invisible=HELD_S)
        again = here.receive(attempt_id="a1", invisible=HELD_S)
        assert set(first.bodies) == set(again.bodies) == sent, "of several queues, whoever asks"
        here.ack(*again.messages)
        assert here.receive(attempt_id="a1").code == d.MESSAGE_NOT_FOUND

    together(
        locked,
        failed_in_part,
        asked_with_the_same_attempt_id,
        asked_again_with_less_room,
        queues_asked_for_with_one_attempt_id,
    )


def test_an_ack_wakes_a_waiting_poll(ordered, together):
    here = ordered(2)
    (first,) = here.receive(batch=1, invisible=HELD_S).messages
    ended: list[float] = []

    def poll():
        assert here.receive(poll=15).bodies == ["1"]
        ended.append(time.monotonic())

    def ack():
        time.sleep(1)
        here.ack(first)

    began = time.monotonic()
    together(poll, ack)
    assert ended[0] - began < 10, "not the poll's end has brought it"


def test_a_dead_letter_opens_the_queue(broker, ordered):
    here = ordered(3)
    bad, good = here.receive(batch=2, invisible=HELD_S).messages
    assert here.client.dead_letter(here.topic, here.group, bad).status.code == d.OK
    here.ack(good)
    assert here.collect(1)[0].body == b"2"
    (dead,) = here.dead_letters(broker).collect(1)
    assert (dead.body, dead.system_properties.message_group) == (b"0", "g")


def test_a_batch_of_fifo_messages_goes_into_one_queue(broker, place):
    here = place("FIFO")
    here.client.send(*(message(here.topic, str(i), kind=d.FIFO, group=f"g{i}") for i in range(5)))
    broker.until_visible(here.topic, 5)
    got = here.receive()
    assert got.bodies == ["0", "1", "2", "3", "4"]
    assert len({m.system_properties.queue_id for m in got.messages}) == 1
