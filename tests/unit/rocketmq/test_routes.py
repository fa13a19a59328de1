import asyncio

import pytest
from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.errors import StatusError, TransportError
from sylph_mp.rocketmq.endpoints import Address, parse_address, to_protobuf
from sylph_mp.rocketmq.routes import READABLE, Routes, brokers_in


def queue(broker, number=0, *, broker_id=0, permission=definition_pb2.READ_WRITE, port=8081):
    made = definition_pb2.MessageQueue(id=number, permission=permission)
    made.broker.name, made.broker.id = broker, broker_id
    made.broker.endpoints.CopyFrom(to_protobuf((Address("127.0.0.1", port),)))
    return made


def test_one_queue_stands_for_all_readable_ones_of_a_broker():
    brokers = brokers_in(
        [
            queue("b", broker_id=1, port=9),
            queue("b", 3, port=8082),
            queue("a", 1),
            queue("a", 2),
            queue("c", permission=definition_pb2.WRITE),
        ],
        READABLE,
    )
    assert [(route.broker, route.queue.broker.id) for route in brokers] == [("a", 0), ("b", 0)]
    assert brokers[1].addresses == (Address("127.0.0.1", 8082),)


def test_brokers_take_turns():
    async def fetch(topic):
        return [queue("a"), queue("b")]

    routes = Routes(fetch, topics=["t"])
    asyncio.run(routes.load())
    first = [routes.in_turn("t")[0].broker for _ in range(4)]
    assert first in (["a", "b", "a", "b"], ["b", "a", "b", "a"])
    assert {route.broker for route in routes.in_turn("t")} == {"a", "b"}


def test_a_refresh_that_fails_leaves_the_route_as_it_was():
    answers = [[queue("a")], TransportError("connection refused")]

    async def fetch(topic):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def load_and_refresh():
        await routes.load()
        await routes.refresh()

    routes = Routes(fetch, topics=["t"])
    asyncio.run(load_and_refresh())
    assert [route.broker for route in routes.in_turn("t")] == ["a"]
    assert routes.address_of("a") == (Address("127.0.0.1", 8081),)


def test_a_topic_that_does_not_exist_is_told_at_the_first_load():
    async def fetch(topic):
        raise StatusError(40402, "no route")

    with pytest.raises(StatusError, match="40402"):
        asyncio.run(Routes(fetch, topics=["t"]).load())


@pytest.mark.parametrize("text", ["127.0.0.1:8081", "proxy.example:80", "[::1]:8081"])
def test_an_address_reads_as_it_was_written(text):
    assert str(parse_address(text)) == text
