"""A client of each broker, and many waits at once.

A real broker waits in whole seconds and more: the tests of one file that wait run their cases in threads.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from tests.brokers.embedded import EmbeddedBroker
from tests.brokers.real import RealBroker
from tests.contract.client import Client, Received, message, repaired


@pytest.fixture
def client(broker: RealBroker | EmbeddedBroker) -> Iterator[Client]:
    """A client that has not introduced itself."""
    made = Client(broker.endpoint)
    yield made
    made.close()


class Place(NamedTuple):
    """A topic with a group of its own, and a client that has subscribed to it."""

    topic: str
    group: str
    client: Client

    def send(self, *bodies: str, **options: Any) -> Any:
        return self.client.send(*(message(self.topic, body, **options) for body in bodies))

    def receive(self, **options: Any) -> Received:
        return self.client.receive(self.topic, self.group, **options)

    def collect(self, count: int, **options: Any) -> list[Any]:
        return self.client.collect(self.topic, self.group, count, **options)

    def ack(self, *entries: Any) -> Any:
        return self.client.ack(self.topic, self.group, *entries)

    def change(self, entry: Any, seconds: float, *, suspend: bool | None = None) -> tuple[str, str]:
        """Returns message id and new handle, repaired."""
        answer = self.client.change(self.topic, self.group, entry, seconds, suspend=suspend)
        assert answer.status.code == d.OK, answer
        message_id = entry[0] if isinstance(entry, tuple) else entry.system_properties.message_id
        return message_id, repaired(answer.receipt_handle)

    def dead_letters(self, broker: RealBroker | EmbeddedBroker) -> "Place":
        """The same for what the group could not handle."""
        topic, group = f"%DLQ%{self.group}", broker.group()
        self.client.subscribe(group, topic)
        return Place(topic, group, self.client)


@pytest.fixture
def place(broker: RealBroker | EmbeddedBroker) -> Iterator[Callable[..., Place]]:
    """Makes a topic, a group and a subscribed client: `place("FIFO", queues=1, attempts=2)`."""
    clients: list[Client] = []

    def make(kind: str = "NORMAL", *, queues: int = 8, attempts: int = 16) -> Place:
        client = Client(broker.endpoint)
        clients.append(client)
        topic, group = broker.topic(kind, queues), broker.group(fifo=kind == "FIFO", attempts=attempts)
        client.subscribe(group, topic)
        return Place(topic, group, client)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def together() -> Callable[..., None]:
    """Runs cases at once, each in a thread with a place of its own; raises what one of them raised."""

    def run(*cases: Callable[[], None]) -> None:
        with ThreadPoolExecutor(len(cases)) as pool:
            for future in [pool.submit(case) for case in cases]:
                future.result()

    return run
