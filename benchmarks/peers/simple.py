"""The official Python SimpleConsumer: eight threads that receive and ack one message after the other."""

import sys
import threading

from rocketmq import ClientConfiguration, Credentials, FilterExpression, SimpleConsumer

from benchmarks.peers.handled import Handled

THREADS = 8
BATCH = 32
LEASE_S = 30


def consume(consumer: SimpleConsumer, handled: Handled) -> None:
    while True:
        try:
            received = consumer.receive(BATCH, LEASE_S) or []
        except Exception as error:  # the library raises plain exceptions
            if "settings" not in str(error):  # not there yet right after the start
                raise
            continue
        for message in received:
            handled.add(message.body)
            consumer.ack(message)


def main() -> None:
    endpoint, topic, group = sys.argv[1:4]
    handled = Handled()
    consumer = SimpleConsumer(
        ClientConfiguration(endpoint, Credentials()), group, {topic: FilterExpression()}, await_duration=5
    )
    consumer.startup()
    for _ in range(THREADS):
        threading.Thread(target=consume, args=(consumer, handled), daemon=True).start()
    handled.print()


if __name__ == "__main__":
    main()
