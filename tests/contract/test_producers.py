"""What producers send arrives as it was said, from threads and from coroutines, on each broker."""

import asyncio
import multiprocessing
import threading
import time

import pytest

from sylph_mp.errors import OutgoingError, StatusError, UsageError
from sylph_mp.producer import AsyncProducers, Outgoing, Producers, ProducerSettings


@pytest.fixture
def producers(broker):
    with Producers(broker.endpoint) as made:
        yield made


def test_each_message_of_a_batch_has_its_own_id_tag_keys_and_properties(place, producers):
    here = place()
    sent = [
        Outgoing(topic=here.topic, payload=b"%d" % n, tag=f"t{n}" if n % 2 else None, keys=[f"k{n}", "all"],
                 properties={"n": str(n)})
        for n in range(200)
    ]  # fmt: skip

    receipts = producers.normal(here.topic).send_many(sent)

    assert all(one.error is None and one.broker for one in receipts)
    seen = {message.body: message for message in here.collect(200)}
    assert len(seen) == 200
    for n, receipt in enumerate(receipts):
        system = seen[b"%d" % n].system_properties
        assert (system.message_id, system.tag) == (receipt.id, f"t{n}" if n % 2 else "")
        assert list(system.keys) == [f"k{n}", "all"]
        assert dict(seen[b"%d" % n].user_properties) == {"n": str(n)}
    [row] = producers.snapshot()
    assert (row.topic, row.kind, row.stored, row.queued) == (here.topic, "normal", 200, 0)
    assert row.batches < 20


def test_more_than_a_request_holds_is_split(place, producers):
    here = place()
    receipts = producers.normal(here.topic).send_many([bytes([n]) * 900_000 for n in range(10)])
    assert [one.error for one in receipts] == [None] * 10
    assert sorted(message.body[0] for message in here.collect(10)) == list(range(10))


def test_one_bad_message_fails_alone(place, producers):
    here = place()
    messages = [Outgoing(topic=here.topic, payload=b"%d" % n) for n in range(30)]
    messages[7] = Outgoing(topic=here.topic, payload=b"reserved", properties={"KEYS": "x"})
    messages[9] = Outgoing(topic=here.topic, payload=b"")

    receipts = producers.normal(here.topic).send_many(messages)

    assert [place for place, one in enumerate(receipts) if one.error] == [7, 9]
    assert isinstance(receipts[7].error, StatusError)
    assert isinstance(receipts[9].error, OutgoingError)
    assert len(here.collect(28)) == 28


def test_a_topic_that_is_not_there_is_said(broker, producers):
    with pytest.raises(StatusError, match="40402"):
        producers.normal(broker.missing()).send(b"x")


def test_order_within_a_hundred_groups(place, producers):
    here = place("FIFO")
    groups = [f"g{n}" for n in range(100)]
    sent = [Outgoing(topic=here.topic, payload=f"{group}:{n}", group=group) for n in range(10) for group in groups]

    receipts = producers.fifo(here.topic).send_many(sent)

    assert not [one for one in receipts if one.error]
    seen = {}
    while sum(map(len, seen.values())) < 1000:
        messages = here.collect(1)
        assert messages
        here.ack(*messages)
        for message in messages:
            group, number = message.body.decode().split(":")
            seen.setdefault(group, []).append(int(number))
    assert seen == {group: list(range(10)) for group in groups}


def test_delayed_messages_come_when_they_are_due(place, producers):
    here = place("DELAY")
    began = time.time()
    receipts = producers.delay(here.topic).send_many(
        Outgoing(topic=here.topic, payload=str(n), deliver_after_s=n) for n in (1, 2, 3)
    )
    assert [one.error for one in receipts] == [None] * 3
    for _ in range(3):
        [message] = here.collect(1)
        late = time.time() - began - int(message.body)
        assert -0.05 < late < 1.5


def test_a_producer_takes_only_its_own_kind(producers):
    with pytest.raises(OutgoingError, match="group"):
        producers.fifo("t").send(b"x")
    with pytest.raises(OutgoingError, match="deliver_after_s"):
        producers.delay("t").send(b"x")
    with pytest.raises(OutgoingError, match="group"):
        producers.normal("t").send(b"x", group="g")


def test_caller_runs_is_no_policy_for_order(broker):
    with (
        pytest.raises(UsageError),
        Producers(broker.endpoint, settings=ProducerSettings(saturation="caller_runs")) as producers,
    ):
        producers.fifo("t")


def test_commit_delivers_and_an_exception_rolls_back(place, producers):
    here = place("TRANSACTION")
    payments = producers.transaction(here.topic)
    with payments.transaction() as tx:
        tx.send(b"kept", tag="paid")
        assert here.receive().bodies == []

    def fail():
        with payments.transaction() as tx:
            tx.send(b"dropped")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [(one.body, one.system_properties.tag) for one in here.collect(1)] == [(b"kept", "paid")]
    assert here.receive().bodies == []


def test_many_threads_share_a_producer(place, producers):
    here = place()
    producer = producers.normal(here.topic)
    threads = [threading.Thread(target=lambda n=n: [producer.send(f"{n}-{m}") for m in range(20)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({message.body for message in here.collect(160)}) == 160


def _send_in_child(producer):
    producer.send(b"child")
    producer._producers.close()


def test_a_child_process_has_its_own_connection(place, producers):
    here = place()
    producer = producers.normal(here.topic)
    producer.send(b"before")
    child = multiprocessing.get_context("fork").Process(target=_send_in_child, args=(producer,))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    producer.send(b"after")
    assert {message.body for message in here.collect(3)} == {b"before", b"child", b"after"}


def test_coroutines(place, broker):
    here, ordered, half = place(), place("FIFO"), place("TRANSACTION")

    async def run():
        async with AsyncProducers(broker.endpoint) as producers:
            assert (await producers.normal(here.topic).send({"id": 1}, tag="a")).error is None
            receipts = await producers.normal(here.topic).send_many([b"1", b"", b"2"])
            assert [one.error is None for one in receipts] == [True, False, True]
            fifo = producers.fifo(ordered.topic)
            await asyncio.gather(*(fifo.send(str(n), group="g") for n in range(10)))
            async with producers.transaction(half.topic).transaction() as tx:
                await tx.send(b"kept")
            assert {row.kind for row in producers.snapshot()} == {"normal", "fifo", "transaction"}

    asyncio.run(run())
    assert {message.body for message in here.collect(3)} == {b'{"id":1}', b"1", b"2"}
    assert [message.body for message in ordered.collect(10)] == [b"%d" % n for n in range(10)]
    assert [message.body for message in half.collect(1)] == [b"kept"]
