"""Half messages: unseen until committed, gone when rolled back, asked about when nobody says."""

import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from tests.contract.client import Client


def test_commit_delivers_and_rollback_drops(place):
    here = place("TRANSACTION")
    kept, dropped, open_ = (here.send(body, kind=d.TRANSACTION).entries[0] for body in ("kept", "dropped", "open"))
    assert kept.transaction_id
    assert here.client.end_transaction(here.topic, kept, d.COMMIT).status.code == d.OK
    assert here.client.end_transaction(here.topic, dropped, d.ROLLBACK).status.code == d.OK
    assert here.receive().bodies == ["kept"]
    assert here.receive().code == d.MESSAGE_NOT_FOUND
    assert here.client.end_transaction(here.topic, open_, d.COMMIT).status.code == d.OK
    assert here.receive().bodies == ["open"]


def test_a_transaction_ends_once(place):
    here = place("TRANSACTION")
    entry = here.send("x", kind=d.TRANSACTION).entries[0]
    assert here.client.end_transaction(here.topic, entry, d.COMMIT).status.code == d.OK
    assert here.client.end_transaction(here.topic, entry, d.ROLLBACK).status.code == d.INTERNAL_SERVER_ERROR
    entry.transaction_id = ""
    assert here.client.end_transaction(here.topic, entry, d.COMMIT).status.code == d.INVALID_TRANSACTION_ID


@pytest.mark.slow
def test_any_publisher_of_the_topic_is_asked_about_an_open_transaction(broker, place):
    here = place("TRANSACTION")
    here.send("x", kind=d.TRANSACTION, tag="t")
    publisher = Client(broker.endpoint)
    stream = publisher.publish(here.topic)
    asked = stream.next("recover_orphaned_transaction_command", timeout=45).recover_orphaned_transaction_command
    assert (asked.message.body, asked.message.system_properties.tag) == (b"x", "t")
    answered = publisher.end_transaction(here.topic, asked, d.COMMIT, source=d.SOURCE_SERVER_CHECK)
    assert answered.status.code == d.OK
    assert here.collect(1)[0].body == b"x"
    publisher.close()
