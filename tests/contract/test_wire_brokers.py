"""Sessions against proxies whose answers are scripted: several brokers, forgotten settings, one opening per session."""

import asyncio

import pytest
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Consumers, Control, Instance, Range, Topic
from sylph_mp.errors import StatusError, TransportError
from sylph_mp.rocketmq.client_pool import ClientPool
from sylph_mp.rocketmq.endpoints import parse_address, to_protobuf
from sylph_mp.rocketmq.session import ConsumerSession
from sylph_mp.rocketmq.status import Code
from sylph_mp.rocketmq.subscription import Filter
from tests.brokers.ports import free_port
from tests.brokers.scripted import ScriptedProxy


class Broker:
    """One broker with its own proxy; the route names all that `cluster` holds. Remembers what it was asked."""

    def __init__(self, name, cluster):
        self.name = name
        self.cluster = cluster
        self.acked = []
        self.streams = 0
        self.terminated = 0
        self.knows_settings = False
        cluster.append(self)
        self.proxy = ScriptedProxy(
            QueryRoute=self.route,
            Telemetry=self.telemetry,
            Heartbeat=self.heartbeat,
            ReceiveMessage=self.receive,
            AckMessage=self.ack,
            NotifyClientTermination=self.terminate,
        )

    async def route(self, request, call):
        response = service_pb2.QueryRouteResponse(status=ok())
        for broker in self.cluster:
            queue = response.message_queues.add(permission=definition_pb2.READ_WRITE)
            queue.broker.name = broker.name
            queue.broker.endpoints.CopyFrom(to_protobuf((parse_address(broker.proxy.endpoint),)))
        return response.SerializeToString()

    async def telemetry(self, requests, call):
        self.streams += 1
        async for request in requests:
            command = service_pb2.TelemetryCommand.FromString(request)
            command.status.CopyFrom(ok())
            command.settings.subscription.receive_batch_size = 32
            self.knows_settings = True
            yield command.SerializeToString()

    async def heartbeat(self, request, call):
        return service_pb2.HeartbeatResponse(status=ok()).SerializeToString()

    async def receive(self, request, call):
        if not self.knows_settings:
            error = definition_pb2.Status(code=Code.INTERNAL_SERVER_ERROR, message="... settings is null. NullPointer")
            yield service_pb2.ReceiveMessageResponse(status=error).SerializeToString()
            return
        yield service_pb2.ReceiveMessageResponse(status=ok()).SerializeToString()
        for offset in range(2):
            response = service_pb2.ReceiveMessageResponse()
            system = response.message.system_properties
            system.message_id = f"{self.name}-{offset}"
            system.receipt_handle = f"{offset} 1795442899868 30000 1 0 {self.name} 0 {offset} 3436"
            yield response.SerializeToString()

    async def ack(self, request, call):
        entries = service_pb2.AckMessageRequest.FromString(request).entries
        self.acked += [entry.message_id for entry in entries]
        return service_pb2.AckMessageResponse(status=ok()).SerializeToString()

    async def terminate(self, request, call):
        self.terminated += 1
        return service_pb2.NotifyClientTerminationResponse(status=ok()).SerializeToString()


def ok():
    return definition_pb2.Status(code=Code.OK)


def session_to(proxy):
    return ConsumerSession(
        instance=Instance(name="default", endpoints=(proxy.endpoint,)),
        group="g",
        subscriptions={"orders": Filter()},
        clock=SystemClock(),
    )


async def receive(session):
    return await session.receive("orders", batch=32, lease_s=30, attempt_id="a")


async def ready(session):
    async with asyncio.timeout(5):
        while True:
            try:
                return await receive(session)
            except TransportError:
                await asyncio.sleep(0.01)


def test_receives_go_round_the_brokers_and_acks_to_the_broker_that_holds_the_delivery():
    async def run():
        cluster = []
        one, two = Broker("broker-1", cluster), Broker("broker-2", cluster)
        async with one.proxy, two.proxy:
            session = session_to(one.proxy)
            await session.start()
            deliveries = [delivery for _ in range(4) for delivery in await receive(session)]
            assert [delivery.queue[0] for delivery in deliveries].count("broker-2") == 4
            settled = await session.ack("orders", [(delivery.id, delivery.handle) for delivery in deliveries])
            await session.stop()
        assert [one.error for one in settled] == [None] * 8
        assert sorted(one.acked) == ["broker-1-0", "broker-1-0", "broker-1-1", "broker-1-1"]
        assert sorted(two.acked) == ["broker-2-0", "broker-2-0", "broker-2-1", "broker-2-1"]
        assert (one.terminated, two.terminated) == (1, 1)

    asyncio.run(run())


def test_a_broker_that_is_away_costs_its_own_acks_only():
    async def run():
        cluster = []
        one, two = Broker("broker-1", cluster), Broker("broker-2", cluster)
        async with one.proxy, two.proxy:
            session = session_to(one.proxy)
            await session.start()
            deliveries = [delivery for _ in range(2) for delivery in await receive(session)]
            await two.proxy.stop()
            settled = await session.ack("orders", [(delivery.id, delivery.handle) for delivery in deliveries])
            failed = {delivery.queue[0] for delivery, one in zip(deliveries, settled, strict=True) if one.error}
            assert failed == {"broker-2"}
            assert {delivery.queue[0] for _ in range(4) for delivery in await ready(session)} == {"broker-1"}
            assert session.health.endpoint == two.proxy.endpoint
            assert session.health.error
            await session.stop()

    asyncio.run(run())


def test_settings_that_the_proxy_has_forgotten_are_sent_again():
    async def run():
        cluster = []
        broker = Broker("broker-1", cluster)
        async with broker.proxy:
            session = session_to(broker.proxy)
            await session.start()
            broker.knows_settings = False
            with pytest.raises(TransportError):
                await receive(session)
            assert len(await ready(session)) == 2
            assert broker.streams == 2
            await session.stop()

    asyncio.run(run())


def test_a_session_that_could_not_start_can_be_started_again():
    async def run():
        cluster = []
        broker = Broker("broker-1", cluster)
        async with broker.proxy:
            session = session_to(broker.proxy)
            route, broker.proxy._methods["QueryRoute"] = broker.proxy._methods["QueryRoute"], no_such_topic
            with pytest.raises(StatusError, match="40402"):
                await session.start()
            broker.proxy._methods["QueryRoute"] = route
            assert (await session.start()).batch == 32
            await session.stop()
            await session.stop()
            with pytest.raises(TransportError):
                await receive(session)

    asyncio.run(run())


def test_a_session_that_cannot_start_leaves_nothing_in_the_pool():
    async def run():
        pool = ClientPool(config_for(f"127.0.0.1:{free_port()}", {"orders": "g1"}), clock=SystemClock())
        for _ in range(2):
            with pytest.raises(TransportError, match="connection refused"):
                await pool.open("default", "g1")
        assert pool.counts.open_now == 0
        await pool.close()

    asyncio.run(run())


async def no_such_topic(request, call):
    status = definition_pb2.Status(code=Code.TOPIC_NOT_FOUND)
    return service_pb2.QueryRouteResponse(status=status).SerializeToString()


def config_for(endpoint, topics):
    return Config(
        path="config.toml",
        app="app:app",
        instances={"default": Instance(name="default", endpoints=(endpoint,))},
        consumers=Consumers(processes=Range(1, 1), threads=Range(1, 1)),
        topics={name: Topic(name=name, instance="default", group=group) for name, group in topics.items()},
        control=Control(socket="sylph.sock"),
    )


def test_all_topics_of_a_group_share_one_session_opened_once():
    async def run():
        cluster = []
        broker = Broker("broker-1", cluster)
        async with broker.proxy:
            config = config_for(broker.proxy.endpoint, {"orders": "g1", "refunds": "g1", "receipts": "g2"})
            pool = ClientPool(config, clock=SystemClock())
            opened = await asyncio.gather(*(pool.open("default", group) for group in ("g1", "g1", "g2", "g1")))
            assert broker.streams == 2
            assert len({id(session) for session, _ in opened}) == 2
            counts = pool.counts
            assert (counts.opened, counts.reused, counts.open_now) == (2, 2, 2)
            await pool.close()
            assert pool.counts.open_now == 0
            assert broker.terminated == 2

    asyncio.run(run())
