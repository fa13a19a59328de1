"""The embedded broker over a real connection: faults, an outage, a port that is taken."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from rocketmq.grpc_protocol import definition_pb2 as d
from rocketmq.grpc_protocol import service_pb2 as s

from sylph_mp.devbroker.in_thread import BrokerThread
from sylph_mp.devbroker.server import Server
from sylph_mp.errors import ResourceError
from tests.contract.client import Client, message


@pytest.fixture(scope="module")
def broker():
    made = BrokerThread()
    made.start()
    made.create_topic("t")
    made.create_group("g")
    yield made
    made.stop()


@pytest.fixture
def client(broker):
    made = Client(broker.endpoint)
    made.subscribe("g", "t")
    yield made
    made.close()
    broker.faults.clear()


def test_a_call_that_fails_with_a_code_is_not_carried_out(broker, client):
    used = broker.memory_used()
    broker.faults.fail("SendMessage", d.TOO_MANY_REQUESTS, "flow limit", times=2)
    assert [client.send(message("t")).status.code for _ in range(2)] == [d.TOO_MANY_REQUESTS] * 2
    assert broker.memory_used() == used
    assert client.send(message("t")).status.code == d.OK


@pytest.mark.parametrize("method", ["Heartbeat", "ReceiveMessage"])
def test_a_call_that_fails_with_a_grpc_status(broker, client, method):
    broker.faults.fail_grpc(method, grpc.StatusCode.UNAVAILABLE, "going away")
    with pytest.raises(grpc.RpcError) as failed:
        client.heartbeat("g") if method == "Heartbeat" else client.receive("t", "g")
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.UNAVAILABLE, "going away")


def test_a_stream_that_fails_with_a_grpc_status(broker, client):
    broker.faults.fail_grpc("Telemetry", grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(grpc.RpcError):
        client.subscribe("g", "t")
    assert client.subscribe("g", "t").subscription.receive_batch_size == 32


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_call_that_is_never_answered(broker, client, carried_out):
    used = broker.memory_used()
    broker.faults.drop("SendMessage", carried_out=carried_out)
    with pytest.raises(grpc.RpcError) as failed:
        client.call("SendMessage", s.SendMessageRequest(messages=[message("t")]), timeout=0.2)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert (broker.memory_used() > used) is carried_out


def test_a_late_answer_holds_up_no_other_call(broker, client):
    broker.faults.delay("Heartbeat", 0.3)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(client.heartbeat, "g")
        while "Heartbeat" in broker.faults.planned():
            pass
        assert client.heartbeat("g").status.code == d.OK
        assert not late.done()
        assert late.result().status.code == d.OK


def test_an_outage_loses_no_message_and_no_settings(broker, client):
    client.send(message("t", "kept"))
    broker.stop_listening()
    with pytest.raises(grpc.RpcError):
        client.heartbeat("g")
    broker.start_listening()
    again = Client(broker.endpoint, client_id=client.id)
    assert again.heartbeat("g").status.code == d.OK
    assert "kept" in again.receive("t", "g").bodies
    again.close()


def test_a_port_that_is_taken_is_an_error(broker):
    port = int(broker.endpoint.rpartition(":")[2])
    with pytest.raises(ResourceError, match=f"cannot listen on 127.0.0.1:{port}"):
        asyncio.run(Server(port=port).start())
