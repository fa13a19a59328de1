"""A test sees what its code would have sent, and what happens when that fails."""

import pytest

from sylph_mp.errors import OutgoingError, StatusError, TransportError
from sylph_mp.testing.fake_producers import FakeProducers


def test_it_remembers_what_was_sent():
    with FakeProducers() as producers:
        producers.normal("orders").send({"id": 1}, tag="paid", keys=["o-1"])
        producers.fifo("steps").send_many([])
        producers.fifo("steps").send("a", group="o-1")
    assert [(one.topic, one.payload, one.tag, one.group) for one in producers.sent] == [
        ("orders", {"id": 1}, "paid", None),
        ("steps", "a", None, "o-1"),
    ]


def test_it_refuses_what_the_real_ones_refuse():
    with FakeProducers() as producers, pytest.raises(OutgoingError, match="group"):
        producers.fifo("steps").send("a")


def test_messages_fail_when_they_are_to():
    with FakeProducers() as producers:
        producers.failures.extend([TransportError("reset"), None, StatusError(40402, "no route")])
        with pytest.raises(TransportError):
            producers.normal("orders").send("a")
        receipts = producers.normal("orders").send_many(["b", "c", "d"])
    assert [one.error is None for one in receipts] == [True, False, True]
    assert [one.payload for one in producers.sent] == ["b", "d"]


def test_half_messages_count_from_their_commit_on():
    with FakeProducers() as producers:
        with producers.transaction("payments").transaction() as tx:
            tx.send("kept")
            assert (producers.sent, [one.payload for one in producers.halves]) == ([], ["kept"])
        tx = producers.transaction("payments").transaction()
        tx.send("dropped")
        tx.roll_back()
    assert ([one.payload for one in producers.sent], producers.halves) == (["kept"], [])
