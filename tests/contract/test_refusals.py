"""What RocketMQ refuses, with which code: table-driven, because each row is one fact."""

import time

import grpc
import pytest
from rocketmq.grpc_protocol import definition_pb2 as d
from rocketmq.grpc_protocol import service_pb2 as s

from tests.contract.client import message

MIB = 1 << 20


def test_a_topic_that_does_not_exist_has_no_route(broker, client):
    answer = client.call("QueryRoute", s.QueryRouteRequest(topic=d.Resource(name=broker.missing())))
    assert answer.status.code == d.TOPIC_NOT_FOUND
    assert "No topic route info" in answer.status.message


def test_a_route_names_queues_type_and_endpoint(broker, client):
    topic = broker.topic("FIFO", queues=3)
    answer = client.call("QueryRoute", s.QueryRouteRequest(topic=d.Resource(name=topic)))
    assert answer.status.code == d.OK
    assert [queue.id for queue in answer.message_queues] == [0, 1, 2]
    queue = answer.message_queues[0]
    address = queue.broker.endpoints.addresses[0]
    assert list(queue.accept_message_types) == [d.FIFO]
    assert f"{address.host}:{address.port}" == broker.endpoint
    assert queue.broker.name == "broker-a"


def test_a_call_without_client_id_is_refused(broker, client):
    request = s.QueryRouteRequest(topic=d.Resource(name=broker.topic()))
    assert client.call("QueryRoute", request, metadata=()).status.code == d.CLIENT_ID_REQUIRED


@pytest.mark.parametrize(
    ("topic_kind", "sent"),
    [
        ("NORMAL", {"kind": d.FIFO, "group": "a"}),
        ("NORMAL", {"kind": d.DELAY, "at": time.time() + 60}),
        ("NORMAL", {"kind": d.TRANSACTION}),
        ("FIFO", {"kind": d.NORMAL}),
        ("FIFO", {"kind": d.FIFO}),  # without a group it is a normal one
        ("DELAY", {"kind": d.DELAY}),  # without a time likewise
        ("TRANSACTION", {"kind": d.NORMAL}),
    ],
)
def test_a_message_of_another_type_than_its_topic(broker, client, topic_kind, sent):
    status = client.send(message(broker.topic(topic_kind), **sent)).status
    assert status.code == d.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE
    assert f"the expected type is {topic_kind}" in status.message


def test_a_send_to_a_topic_that_does_not_exist_is_a_conflict_of_types(broker, client):
    status = client.send(message(broker.missing())).status
    assert status.code == d.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE
    assert "the expected type is UNSPECIFIED" in status.message


def test_each_limit_of_a_message(broker, client):
    topic, ordered, delayed = broker.topic(), broker.topic("FIFO"), broker.topic("DELAY")
    nameless = message(topic)
    nameless.system_properties.message_id = ""
    for code, messages in [
        (d.OK, [message(topic, b"x" * (4 * MIB))]),
        (d.MESSAGE_BODY_TOO_LARGE, [message(topic, b"x" * (4 * MIB + 1))]),
        (d.MESSAGE_BODY_EMPTY, [message(topic, "")]),
        (d.MESSAGE_BODY_EMPTY, [message(topic), message(topic, "")]),
        (d.ILLEGAL_MESSAGE_ID, [nameless]),
        (d.ILLEGAL_MESSAGE_TAG, [message(topic, tag="a|b")]),
        (d.ILLEGAL_MESSAGE_TAG, [message(topic, tag=" ")]),
        (d.ILLEGAL_MESSAGE_KEY, [message(topic, keys=["a\tb"])]),
        (d.OK, [message(topic, **{f"p{i}": "1" for i in range(128)})]),
        (d.MESSAGE_PROPERTIES_TOO_LARGE, [message(topic, **{f"p{i}": "1" for i in range(129)})]),
        (d.MESSAGE_PROPERTIES_TOO_LARGE, [message(topic, long="x" * 17_000)]),
        (d.ILLEGAL_MESSAGE_PROPERTY_KEY, [message(topic, TAGS="x")]),
        (d.OK, [message(ordered, kind=d.FIFO, group="g" * 63)]),
        (d.ILLEGAL_MESSAGE_GROUP, [message(ordered, kind=d.FIFO, group="g" * 64)]),
        (d.OK, [message(delayed, kind=d.DELAY, at=time.time() + 23 * 3600)]),
        (d.ILLEGAL_DELIVERY_TIME, [message(delayed, kind=d.DELAY, at=time.time() + 25 * 3600)]),
        (d.ILLEGAL_TOPIC, [message("no such name")]),
        (d.MESSAGE_CORRUPTED, []),
        (d.MESSAGE_CORRUPTED, [message(topic), message(ordered)]),
        (d.OK, [message(topic, b"x" * (MIB - 200)) for _ in range(4)]),
        (d.INTERNAL_SERVER_ERROR, [message(topic, b"x" * MIB) for _ in range(4)]),
        (d.INTERNAL_SERVER_ERROR, [message(delayed, kind=d.DELAY, at=time.time() + 9) for _ in range(2)]),
    ]:
        answer = client.send(*messages)
        assert answer.status.code == code, (d.Code.Name(code), answer.status.message, messages[:1])


def test_each_limit_of_a_receive(place):
    topic, group, client = place()
    for code, options in [
        (d.ILLEGAL_INVISIBLE_TIME, {"invisible": 9.999}),
        (d.ILLEGAL_INVISIBLE_TIME, {"invisible": None}),
        (d.ILLEGAL_INVISIBLE_TIME, {"invisible": 12 * 3600 + 1}),
        (d.ILLEGAL_POLLING_TIME, {"timeout": 3}),
        (d.INTERNAL_SERVER_ERROR, {"timeout": None}),
        (d.INTERNAL_SERVER_ERROR, {"batch": -1}),
        (d.INTERNAL_SERVER_ERROR, {"sql": "a >"}),
    ]:
        assert client.receive(topic, group, **options).code == code, options
    assert client.receive(topic, "no such name").code == d.ILLEGAL_CONSUMER_GROUP


def test_a_consumer_that_has_not_sent_its_settings(broker, client):
    topic, group = broker.topic(), broker.group()
    received = client.receive(topic, group)
    assert (received.code, "settings" in received.text) == (d.INTERNAL_SERVER_ERROR, True)
    assert client.heartbeat(group).status.code == d.UNRECOGNIZED_CLIENT_TYPE


def test_settings_of_an_unknown_group_end_the_stream_with_a_grpc_error(broker, client):
    with pytest.raises(grpc.RpcError) as refused:
        client.subscribe(broker.missing(), broker.topic())
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "group not found" in refused.value.details()


@pytest.mark.parametrize("method", ["PullMessage", "GetOffset", "UpdateOffset"])
def test_methods_that_the_proxy_does_not_have(client, method):
    with pytest.raises(grpc.RpcError) as refused:
        client.call(method, getattr(s, f"{method}Request")())
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_each_entry_of_an_ack_has_its_own_status(place):
    topic, group, client = place()
    client.send(message(topic))
    (received,) = client.collect(topic, group, 1)
    answer = client.ack(topic, group, received, ("x", "garbage"), ("x", "0 1 10000 1 0 broker-a 0 0 0"))
    assert answer.status.code == d.MULTIPLE_RESULTS
    assert [entry.status.code for entry in answer.entries] == [
        d.OK,
        d.INTERNAL_SERVER_ERROR,
        d.INVALID_RECEIPT_HANDLE,
    ]
    assert answer.entries[0].receipt_handle == received.system_properties.receipt_handle
    assert client.ack(topic, group, received).status.code == d.OK, "acking twice is no error"
    assert client.ack(topic, group).status.code == d.INTERNAL_SERVER_ERROR, "acking nothing is"


def test_each_limit_of_changing_the_invisible_time(place):
    topic, group, client = place()
    client.send(message(topic))
    (received,) = client.collect(topic, group, 1)
    assert client.change(topic, group, received, -1).status.code == d.ILLEGAL_INVISIBLE_TIME
    assert client.change(topic, group, received, 12 * 3600 + 1).status.code == d.ILLEGAL_INVISIBLE_TIME
    assert client.change(topic, group, ("x", "garbage"), 20).status.code == d.INTERNAL_SERVER_ERROR
    expired = ("x", "0 1 10000 1 0 broker-a 0 0 0")
    assert client.change(topic, group, expired, 20).status.code == d.INVALID_RECEIPT_HANDLE


def test_a_client_that_said_goodbye_is_unknown(place):
    _, group, client = place()
    assert client.heartbeat(group).status.code == d.OK
    client.call("NotifyClientTermination", s.NotifyClientTerminationRequest(group=d.Resource(name=group)))
    assert client.heartbeat(group).status.code == d.UNRECOGNIZED_CLIENT_TYPE


def test_nothing_is_recalled_by_default(broker, client):
    topic = broker.topic("DELAY")
    entry = client.send(message(topic, kind=d.DELAY, at=time.time() + 60)).entries[0]
    for handle in (entry.recall_handle, "eA=="):
        request = s.RecallMessageRequest(topic=d.Resource(name=topic), recall_handle=handle)
        assert client.call("RecallMessage", request).status.code == d.INTERNAL_SERVER_ERROR
