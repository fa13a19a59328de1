"""A consumer's parts on a small segment, with a session that is a fake."""

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from sylph_mp.api import App
from sylph_mp.config.schema import RetryPolicy, Topic
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.delivery import Delivery
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Table
from sylph_mp.testing.fake_session import FakeReceived, FakeSession

ENTRIES = 64


@pytest.fixture
def segment() -> Iterator[Segment]:
    geometry = Geometry(topics=("orders", "ordered"), entries=ENTRIES, threads=8, arena_bytes=1 << 20)
    segment = Segment.create(f"sylph-test-{uuid.uuid4().hex[:8]}", slot=1, geometry=geometry, master_pid=os.getpid())
    yield segment
    segment.close()
    segment.unlink()


@pytest.fixture
def table(segment: Segment) -> Table:
    return Table(segment)


@pytest.fixture
def buffer(segment: Segment, table: Table) -> Buffer:
    return Buffer(table=table, arena=Arena(segment), entries=ENTRIES)


def handle(body: bytes) -> None:
    """Succeed."""


def handle_batch(bodies: list[bytes]) -> None:
    """Succeed."""


Subscribe = Callable[..., Subscription]


@pytest.fixture
def subscribe() -> Subscribe:
    """Make a subscription of topic `orders` around a handler function."""

    def make(
        function: Callable[..., object] | None = None,
        *,
        name: str = "orders",
        batch: int | None = None,
        fifo: bool = False,
        session: FakeSession | None = None,
        **topic: object,
    ) -> Subscription:
        app = App()
        app.handler(name, batch=batch, batch_wait_s=0.01)(function or (handle_batch if batch else handle))
        settings = {"retry": RetryPolicy(first_s=0.01, jitter=0)} | topic
        subscription = Subscription(
            topic=Topic(name=name, instance="default", group="g", **settings),
            index=0,
            handler=app.handlers[name],
        )
        subscription.opened(session or FakeSession(), fifo=fifo)
        return subscription

    return make


@pytest.fixture
def deliver(buffer: Buffer) -> Callable[..., list[Delivery]]:
    """Admit messages `id[/group[/offset]]` as one receive brings them."""

    def make(subscription: Subscription, *texts: str, now_ns: int = 0) -> list[Delivery]:
        received = []
        for place, text in enumerate(texts):
            message_id, _, group = text.partition("/")
            received.append(FakeReceived(message_id=message_id, group=group, offset=place))
        return buffer.admit(subscription, received, now_ns)

    return make
