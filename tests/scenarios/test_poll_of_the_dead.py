"""While a dead process's poll still waits in the broker, its successor runs no message twice and loses none."""

import asyncio
import contextlib
import threading
import time

import grpc
import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from sylph_mp.api import App
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Consumers, Control, Instance, Range, Topic
from sylph_mp.ports import POLL_S
from sylph_mp.rocketmq.client_pool import ClientPool
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.shm.polls import Polls
from tests.contract.client import Client, message
from tests.unit.consumer.serving import Running, serve

ATTEMPT = "dead-1"
#: Longer than the successor's, which is then woken first; otherwise that is a matter of milliseconds.
DEAD_POLL_S = 9.0
#: What the dead poll takes is open to everybody a second later, with a third to spare.
OPEN_S = 1.3


class DeadProcess:
    """It had a poll outstanding when it was killed; the broker does not find out before it has an answer to it."""

    def __init__(self, endpoint, topic, group):
        self._client = Client(endpoint)
        self._client.subscribe(group, topic)
        #: It ends when one of the usual length would that was asked at this time.
        self.asked_ns = time.monotonic_ns() + int((DEAD_POLL_S - POLL_S) * 1e9)
        self._thread = threading.Thread(target=self._poll, args=(topic, group))
        self._thread.start()
        time.sleep(0.3)  # until the poll is at the broker, which does not tell
        self._client.close()
        self._thread.join()

    def _poll(self, topic, group):
        with contextlib.suppress(grpc.RpcError, ValueError):
            self._client.receive(topic, group, attempt_id=ATTEMPT, poll=DEAD_POLL_S, timeout=12)

    def left(self, segment):
        Polls(segment).ask(0, 0, ATTEMPT, self.asked_ns)


class Bystander:
    """Another consumer of the group, that acks all it gets."""

    def __init__(self, endpoint, topic, group):
        self.bodies = []
        self._client = Client(endpoint)
        self._client.subscribe(group, topic)
        self._place = topic, group
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()
        self._client.close()

    def _run(self):
        while not self._ending.is_set():
            got = self._client.receive(*self._place)
            self.bodies += got.bodies
            if got.messages:
                self._client.ack(*self._place, *got.messages)


def config_of(endpoint, topic, group):
    return Config(
        path="/config.toml",
        app="app:app",
        instances={"default": Instance(name="default", endpoints=(endpoint,))},
        consumers=Consumers(processes=Range(1, 1), threads=Range(4, 4), in_flight=64, buffer=1 << 20),
        topics={topic: Topic(name=topic, instance="default", group=group)},
        control=Control(socket="/s"),
    )


@pytest.mark.parametrize("call_s", [0.2, 2.0], ids=["ended", "running"])
def test_what_the_dead_poll_takes_away_is_not_run_again(rocketmq, call_s):
    """A message comes just when the first has ended, or while it still runs: then the dead poll is woken."""
    topic, group = rocketmq.topic("FIFO", 1), rocketmq.group(fifo=True)
    begun, ended = [], []
    app = App()

    @app.handler(topic)
    def handle(body: bytes) -> None:
        begun.append(body)
        time.sleep(call_s if len(begun) == 1 else 0)
        ended.append(body)

    sender = Client(rocketmq.endpoint)
    dead = DeadProcess(rocketmq.endpoint, topic, group)

    def send(body):
        assert sender.send(message(topic, body, kind=d.FIFO, group="g")).status.code == d.OK

    async def story(consumer: Running) -> None:
        polls = Polls(consumer.segment)
        await consumer.until(lambda: polls.read(0).asked_ns != dead.asked_ns)
        await asyncio.sleep(0.3)  # as above
        send("first")
        await consumer.until(lambda: begun)
        send("second")
        await asyncio.sleep(0.3)  # until the dead poll, the only one that waits, has taken both
        with Bystander(rocketmq.endpoint, topic, group) as bystander:
            async with asyncio.timeout(30):
                while polls.scan():  # noqa: ASYNC110 - shared memory has no event
                    await asyncio.sleep(0.1)
            assert time.monotonic_ns() > dead.asked_ns + POLL_S * 1e9
            await asyncio.sleep(OPEN_S)
            send("third")
            await consumer.until(lambda: bystander.bodies)
        assert begun == ended == [b"first", b"second"]
        assert bystander.bodies == ["third"]

    config = config_of(rocketmq.endpoint, topic, group)
    clients = ClientPool(config, clock=SystemClock())
    asyncio.run(serve(app, story, config, clients=clients, parse=Delivery.parse, left=dead.left))
    sender.close()
