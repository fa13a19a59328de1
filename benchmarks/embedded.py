"""The embedded broker, for questions about the fleet alone: a topic and a group that it has."""

from collections.abc import Iterator
from contextlib import contextmanager

from sylph_mp.devbroker.in_thread import BrokerThread
from sylph_mp.devbroker.store.record import Kind


@contextmanager
def embedded_broker(topic: str, group: str) -> Iterator[BrokerThread]:
    broker = BrokerThread()
    broker.start()
    try:
        broker.create_topic(topic, Kind.NORMAL, 8)
        broker.create_group(group, fifo=False, max_attempts=16)
        yield broker
    finally:
        broker.stop()
