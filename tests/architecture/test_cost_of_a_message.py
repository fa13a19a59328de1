"""What a message costs on its way through a consumer, counted and never timed: calls made, and objects kept.

The counts are the same on every machine to a hundredth, but for a pause of the host now and then, in which more goes on
than a message needs: the least of a few counts. A change that makes one smaller lowers the number here.
"""

import asyncio
import gc
import os
import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any, Self

import pytest
from rocketmq.grpc_protocol import service_pb2

from sylph_mp.api import App
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance, Topic
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.rocketmq.answers import deliveries_in
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import Metadata
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Table
from tests.unit.consumer.serving import app_with, messages, play

#: Calls of Python and C functions by code of this project, a message that is acked.
CONSUMER_CALLS = 48.3
WIRE_CALLS = 6.1
#: Python's memory blocks that a message holds which is received and not settled.
BLOCKS_HELD = 8.0
MARGIN = 1.04

#: The connections, threads and caches of the first messages are not counted.
WARM = 320
COUNTED = 1600
TIMES = 3


class Counter:
    """Of the calls made by the project's own code, in all threads."""

    def __init__(self) -> None:
        self.calls = 0
        self.counting = False

    def __enter__(self) -> Self:
        self._before = sys.getprofile(), threading.getprofile()
        threading.setprofile(self._event)
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before[0])
        threading.setprofile(self._before[1])  # type: ignore[arg-type]  # None takes it away

    def _event(self, frame: Any, event: str, argument: object) -> None:
        file = frame.f_code.co_filename
        if self.counting and event in ("call", "c_call") and "/sylph_mp/" in file and "/testing/" not in file:
            self.calls += 1


def handle(body: bytes) -> None:
    """Succeed."""


def calls_of_a_consumer() -> float:
    """From what a session has received to the ack that it is asked for, a message."""
    with Counter() as counter:

        async def story(consumer: Any) -> None:
            acked = consumer.session.acked
            consumer.assign()
            consumer.session.put(*messages(WARM))
            await consumer.until(lambda: len(acked) == WARM)
            counter.counting = True
            consumer.session.put(*messages(COUNTED))
            await consumer.until(lambda: len(acked) == WARM + COUNTED)
            counter.counting = False

        play(app_with(handle), story)
    return counter.calls / COUNTED


def frames(count: int) -> list[bytes]:
    made = []
    for number in range(count):
        response = service_pb2.ReceiveMessageResponse()
        response.message.topic.name = "orders"
        response.message.body = b"." * 1024
        system = response.message.system_properties
        system.message_id = f"01AA{number:028}"
        system.receipt_handle = f"{number} 1700000000000 30000 1 0 broker-a 7 {number} {number}" + "x" * 200
        system.delivery_attempt = 1
        system.store_timestamp.seconds = 1_700_000_000
        made.append(response.SerializeToString())
    return made


class Channel:
    """Answers every ack with OK."""

    async def call(self, *_: Any, **__: Any) -> list[bytes]:
        answer = service_pb2.AckMessageResponse()
        answer.status.code = 20000
        return [answer.SerializeToString()]


def calls_of_the_wire() -> float:
    """From a receive's frames to deliveries, and from these to an ack's request, a message."""
    instance = Instance(name="default", endpoints=("127.0.0.1:1",))
    metadata = Metadata(instance, client_id="c", clock=SystemClock())
    calls = Calls(Channel(), instance=instance, addresses=(), metadata=metadata)  # type: ignore[arg-type]  # a fake
    batch = frames(256)
    with Counter() as counter:
        counter.counting = True
        deliveries = deliveries_in(batch)
        for delivery in deliveries:
            assert delivery.body
            assert delivery.attempt
            assert delivery.stored_ms
        asyncio.run(calls.ack("g", "orders", [(delivery.id, delivery.handle) for delivery in deliveries]))
        counter.counting = False
    return counter.calls / len(batch)


def blocks_held() -> float:
    """Of each message that a buffer holds."""
    app = App()
    app.handler("orders")(handle)
    topic = Topic(name="orders", instance="default", group="g")
    subscription = Subscription(topic=topic, index=0, handler=app.handlers["orders"])
    batch = frames(512)
    geometry = Geometry(topics=("orders",), entries=len(batch), threads=1, arena_bytes=2 << 20)
    segment = Segment.create(f"sylph-test-{uuid.uuid4().hex[:8]}", slot=1, geometry=geometry, master_pid=os.getpid())
    try:
        buffer = Buffer(table=Table(segment), arena=Arena(segment), entries=len(batch))
        gc.collect()
        before = sys.getallocatedblocks()
        held = buffer.admit(subscription, deliveries_in(batch), 1)
        gc.collect()
        return (sys.getallocatedblocks() - before) / len(held)
    finally:
        del buffer
        segment.close()
        segment.unlink()


@pytest.mark.parametrize(
    ("count", "known"),
    [(calls_of_a_consumer, CONSUMER_CALLS), (calls_of_the_wire, WIRE_CALLS), (blocks_held, BLOCKS_HELD)],
)
def test_a_message_costs_no_more_than_it_did(count: Callable[[], float], known: float) -> None:
    assert min(count() for _ in range(TIMES)) <= known * MARGIN


def test_a_seventh_more_calls_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    start = Table.start

    def slower(self: Table, index: int, thread: int, now_ns: int) -> None:
        for _ in range(8):
            self.free(index)
        start(self, index, thread, now_ns)

    monkeypatch.setattr(Table, "start", slower)
    assert calls_of_a_consumer() > CONSUMER_CALLS * MARGIN
