"""What becomes of a delivery that is acked, changed, given back, forwarded or left alone.

Each case waits for some seconds; all wait at the same time.
"""

import time
from functools import partial

from rocketmq.grpc_protocol import definition_pb2 as d

#: A real broker needs so long to bring something back after its time (rocketmq: 2 to 3.7 s).
REVIVE_S = 5
#: What comes back for certain is waited for; a broker on a busy host takes its time.
PATIENCE_S = 20
LEASE_S = 10


def left_alone(place, broker):
    here = place()
    here.send("x")
    (first,) = here.collect(1)
    began = time.monotonic()
    (again,) = here.collect(1, within=LEASE_S + PATIENCE_S)
    assert time.monotonic() - began > LEASE_S - 0.5
    assert again.system_properties.delivery_attempt == 2
    assert again.system_properties.message_id == first.system_properties.message_id
    assert here.ack(first).status.code == d.INVALID_RECEIPT_HANDLE, "its handle has expired"


def acked(place, broker):
    here = place()
    here.send("x", "y")
    assert here.ack(*here.collect(2)).status.code == d.OK
    assert here.collect(1, within=LEASE_S + REVIVE_S) == []


def renewed(place, broker):
    """With the renewed handle, and not as the first of its batch, the ack must hold."""
    here = place(queues=1)
    here.send("x", "y")
    broker.until_visible(here.topic, 2)
    x, y = here.receive().messages
    time.sleep(3)
    longer = here.change(y, 16)
    assert here.ack(x).status.code == d.OK
    time.sleep(9)  # y would be back by now
    assert here.ack(longer).status.code == d.OK
    assert here.collect(1, within=7 + REVIVE_S) == []


def replaced(place, broker):
    here = place()
    here.send("x")
    (received,) = here.collect(1)
    here.change(received, 2)
    assert here.ack(received).status.code == d.OK, "the old handle is no error,"
    assert len(here.collect(1, within=2 + PATIENCE_S)) == 1, "but acks nothing"


def given_back(place, broker):
    here = place()
    here.send("x")
    here.change(here.collect(1)[0], 0)
    (again,) = here.collect(1, within=PATIENCE_S)
    assert again.system_properties.delivery_attempt == 2


def suspended(place, broker):
    """Given back without counting an attempt."""
    here = place()
    here.send("x")
    here.change(here.collect(1)[0], 0, suspend=True)
    (again,) = here.collect(1, within=PATIENCE_S)
    assert again.system_properties.delivery_attempt == 1


def forwarded(place, broker):
    here = place()
    here.send("x", color="red")
    (received,) = here.collect(1)
    assert here.client.dead_letter(here.topic, here.group, received).status.code == d.OK
    (dead,) = here.dead_letters(broker).collect(1)
    assert dead.system_properties.message_id == received.system_properties.message_id
    assert (dead.body, dead.user_properties["color"]) == (b"x", "red")
    assert here.collect(1, within=LEASE_S + REVIVE_S) == [], "it is acked with that"


def delivered_too_often(place, broker):
    here = place(attempts=2)
    here.send("x")
    for attempt in (1, 2):
        (received,) = here.collect(1, within=PATIENCE_S)
        assert received.system_properties.delivery_attempt == attempt
        here.change(received, 0)
    assert here.collect(1, within=REVIVE_S) == []
    assert len(here.dead_letters(broker).collect(1)) == 1


def ordered_left_alone(place, broker):
    here = place("FIFO", queues=1)
    here.send("0", kind=d.FIFO, group="g")
    here.send("1", kind=d.FIFO, group="g")
    broker.until_visible(here.topic, 2)
    assert here.receive().attempts == [1, 1]
    began = time.monotonic()
    while not (again := here.receive()).messages:
        assert time.monotonic() - began < LEASE_S + PATIENCE_S
    assert time.monotonic() - began > LEASE_S - 0.5
    assert (again.bodies, again.attempts) == (["0", "1"], [2, 2])


def ordered_renewed(place, broker):
    here = place("FIFO", queues=1)
    here.send("0", kind=d.FIFO, group="g")
    here.send("1", kind=d.FIFO, group="g")
    broker.until_visible(here.topic, 2)
    received = here.receive().messages
    time.sleep(3)
    longer = [here.change(message, 40) for message in received]
    time.sleep(9)
    assert here.receive().code == d.MESSAGE_NOT_FOUND, "held beyond the first lease"
    assert here.ack(*longer).status.code == d.OK
    here.send("2", kind=d.FIFO, group="g")
    assert here.receive().bodies == ["2"]


CASES = [
    left_alone,
    acked,
    renewed,
    replaced,
    given_back,
    suspended,
    forwarded,
    delivered_too_often,
    ordered_left_alone,
    ordered_renewed,
]


def test_a_delivery_and_its_lease(broker, place, together):
    together(*(partial(case, place, broker) for case in CASES))
