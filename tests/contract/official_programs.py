"""Small programs on the official client: `official_programs.py PROGRAM ENDPOINT TOPIC GROUP`. Each prints `done`.

A process of its own for each: the client's threads never end, so it leaves by os._exit.
"""

import os
import queue
import sys
import time
from collections.abc import Callable

from rocketmq import (
    ClientConfiguration,
    ConsumeResult,
    Credentials,
    FilterExpression,
    Message,
    MessageListener,
    Producer,
    PushConsumer,
    SimpleConsumer,
    TransactionChecker,
    TransactionResolution,
)

COUNT = 50


def message(topic: str, body: str, *, group: str | None = None) -> Message:
    made = Message()
    made.topic = topic
    made.body = body.encode()
    made.tag = "paid"
    made.keys = body
    if group is not None:
        made.message_group = group
    return made


def produce(settings: ClientConfiguration, topic: str, *, group: str | None = None) -> list[str]:
    """Returns the ids of what it sent."""
    producer = Producer(settings, (topic,))
    producer.startup()
    receipts = [producer.send(message(topic, str(number), group=group)) for number in range(COUNT)]
    producer.shutdown()
    return [receipt.message_id for receipt in receipts]


def simple_consumer(settings: ClientConfiguration, topic: str, group: str) -> None:
    """What its Producer sent, its SimpleConsumer receives, renews, acks."""
    sent = produce(settings, topic)
    consumer = SimpleConsumer(settings, group, {topic: FilterExpression("paid")}, await_duration=5)
    consumer.startup()
    received: dict[str, str] = {}
    until = time.monotonic() + 30
    while len(received) < COUNT and time.monotonic() < until:
        for got in receive(consumer):
            received[got.message_id] = got.body.decode()
            consumer.change_invisible_duration(got, 20)
            consumer.ack(got)
    assert received == dict(zip(sent, map(str, range(COUNT)), strict=True)), received
    consumer.shutdown()


def receive(consumer: SimpleConsumer) -> list[Message]:
    """Right after startup the settings may not be there yet, on the real server as well."""
    try:
        return consumer.receive(32, 15) or []
    except Exception as error:  # the client raises plain exceptions
        if "settings" not in str(error):
            raise
        return []


class Listener(MessageListener):
    """Fails every tenth message once."""

    def __init__(self) -> None:
        self.consumed: queue.Queue[str] = queue.Queue()
        self.failing = {str(number) for number in range(0, COUNT, 10)}

    def consume(self, message: Message) -> ConsumeResult:
        body = message.body.decode()
        if body in self.failing:
            self.failing.remove(body)
            return ConsumeResult.FAILURE
        self.consumed.put(body)
        return ConsumeResult.SUCCESS


def push_consumer(settings: ClientConfiguration, topic: str, group: str) -> None:
    """Its PushConsumer gets again what the listener has failed."""
    consumed = push(settings, topic, group, message_group=None)
    assert sorted(consumed, key=int) == [str(number) for number in range(COUNT)], consumed


def push_consumer_in_order(settings: ClientConfiguration, topic: str, group: str) -> None:
    consumed = push(settings, topic, group, message_group="customer-7")
    assert consumed == [str(number) for number in range(COUNT)], consumed


def push(settings: ClientConfiguration, topic: str, group: str, *, message_group: str | None) -> list[str]:
    produce(settings, topic, group=message_group)
    listener = Listener()
    consumer = PushConsumer(settings, group, listener, {topic: FilterExpression()})
    consumer.startup()
    consumed = [listener.consumed.get(timeout=40) for _ in range(COUNT)]
    consumer.shutdown()
    return consumed


class Checker(TransactionChecker):
    def check(self, message: Message) -> TransactionResolution:
        return TransactionResolution.COMMIT


def transaction(settings: ClientConfiguration, topic: str, group: str) -> None:
    """Its transactions commit, roll back, and are asked about."""
    producer = Producer(settings, (topic,), checker=Checker())
    producer.startup()
    for body, end in [("kept", "commit"), ("dropped", "rollback"), ("checked", None)]:
        open_ = producer.begin_transaction()
        producer.send(message(topic, body), open_)
        if end is not None:
            getattr(open_, end)()
    consumer = SimpleConsumer(settings, group, {topic: FilterExpression()}, await_duration=5)
    consumer.startup()
    received: list[str] = []
    until = time.monotonic() + 15
    while len(received) < 2 and time.monotonic() < until:
        for got in receive(consumer):
            received.append(got.body.decode())
            consumer.ack(got)
    assert received == ["kept", "checked"], received


PROGRAMS: dict[str, Callable[[ClientConfiguration, str, str], None]] = {
    "simple_consumer": simple_consumer,
    "push_consumer": push_consumer,
    "push_consumer_in_order": push_consumer_in_order,
    "transaction": transaction,
}

if __name__ == "__main__":
    _, name, endpoint, topic, group = sys.argv
    try:
        PROGRAMS[name](ClientConfiguration(endpoint, Credentials()), topic, group)
        print("done", flush=True)
        os._exit(0)
    except AssertionError as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
