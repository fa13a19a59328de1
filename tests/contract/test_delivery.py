"""What is sent comes to a group: whole, filtered, at once or later, and at most 32 at a time."""

import gzip
import time

from rocketmq.grpc_protocol import definition_pb2 as d

from tests.contract.client import message


def test_a_message_comes_with_all_that_its_sender_gave_it(place):
    here = place()
    sent = message(here.topic, gzip.compress(b"hello"), tag="paid", keys=["k1", "k2"], color="red")
    sent.system_properties.body_encoding = d.GZIP
    entry = here.client.send(sent).entries[0]
    assert entry.message_id == sent.system_properties.message_id
    (got,) = here.collect(1)
    system = got.system_properties
    assert gzip.decompress(got.body) == b"hello"
    assert got.topic.name == here.topic
    assert dict(got.user_properties) == {"color": "red"}
    assert (system.message_id, system.tag, list(system.keys)) == (entry.message_id, "paid", ["k1", "k2"])
    assert (system.message_type, system.body_encoding) == (d.NORMAL, d.GZIP)
    assert (system.delivery_attempt, system.queue_offset) == (1, 0)
    assert system.body_digest.type == d.MD5
    assert system.born_timestamp.seconds == sent.system_properties.born_timestamp.seconds
    assert abs(system.store_timestamp.ToMilliseconds() / 1000 - time.time()) < 30
    fields = system.receipt_handle.split(" ")
    assert len(fields) == 9
    assert (fields[2], fields[5], int(fields[6]), int(fields[7])) == ("10000", "broker-a", system.queue_id, 0)


def test_a_batch_is_one_entry_in_the_answer_and_each_message_keeps_its_own(place):
    here = place()
    batch = [message(here.topic, f"{i}", tag=f"t{i}", number=str(i)) for i in range(40)]
    entries = here.client.send(*batch).entries
    assert len(entries) == 1
    assert entries[0].transaction_id == batch[0].system_properties.message_id
    first = here.receive(batch=1000)
    assert len(first.messages) <= 32
    got = first.messages + here.collect(40 - len(first.messages))
    assert {(m.system_properties.message_id, m.system_properties.tag, m.body) for m in got} == {
        (m.system_properties.message_id, m.system_properties.tag, m.body) for m in batch
    }


def test_a_filter_passes_over_the_others_for_good(place, together):
    def tags():
        here = place()
        for tag in "abc":
            here.send(tag, tag=tag)
        assert {m.body for m in here.collect(2, tag="a || b")} == {b"a", b"b"}
        assert here.receive(tag="*").code == d.MESSAGE_NOT_FOUND

    def sql():
        here = place()
        for number in range(5):
            here.send(str(number), n=str(number), color="red" if number % 2 else "blue")
        expression = "n BETWEEN 2 AND 4 AND (color = 'blue' OR TAGS IS NOT NULL)"
        assert {m.body for m in here.collect(2, sql=expression)} == {b"2", b"4"}

    together(tags, sql)


def test_a_long_poll_lasts_five_seconds_or_until_something_comes(place, together):
    def empty():
        here = place()
        began = time.monotonic()
        assert here.receive(poll=0).code == d.MESSAGE_NOT_FOUND
        assert 4.5 < time.monotonic() - began < 10

    def woken():
        here = place()
        ended: list[float] = []

        def poll():
            got = here.receive(poll=15)
            ended.append(time.monotonic())
            assert got.bodies == ["late"]

        def send():
            time.sleep(1)
            here.send("late")

        began = time.monotonic()
        together(poll, send)
        assert 0.9 < ended[0] - began < 10

    together(empty, woken)


def test_a_delayed_message_comes_at_the_next_whole_second_or_later_but_never_early(place, together):
    def delayed():
        here = place("DELAY")
        at = time.time() + 1.5
        entry = here.send("later", kind=d.DELAY, at=at).entries[0]
        assert entry.recall_handle
        (got,) = here.collect(1)
        assert at <= time.time() < at + 10
        assert got.system_properties.delivery_timestamp.ToMilliseconds() == int(at * 1000)

    def past():
        here = place("DELAY")
        assert not here.send("now", kind=d.DELAY, at=time.time() - 5).entries[0].recall_handle
        assert here.receive().bodies == ["now"]

    together(delayed, past)


def test_each_group_gets_everything(broker, place):
    here = place()
    here.send("x")
    other = broker.group()
    here.client.subscribe(other, here.topic)
    assert here.receive().bodies == ["x"]
    assert here.client.receive(here.topic, other).bodies == ["x"]
