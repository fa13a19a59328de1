"""The official Python PushConsumer, with its own settings."""

import sys

from rocketmq import (
    ClientConfiguration,
    ConsumeResult,
    Credentials,
    FilterExpression,
    Message,
    MessageListener,
    PushConsumer,
)

from benchmarks.peers.handled import Handled


class Listener(MessageListener):  # type: ignore[misc]  # the library has no types
    def __init__(self, handled: Handled) -> None:
        self._handled = handled

    def consume(self, message: Message) -> ConsumeResult:
        self._handled.add(message.body)
        return ConsumeResult.SUCCESS


def main() -> None:
    endpoint, topic, group = sys.argv[1:4]
    handled = Handled()
    consumer = PushConsumer(
        ClientConfiguration(endpoint, Credentials()), group, Listener(handled), {topic: FilterExpression()}
    )
    consumer.startup()
    handled.print()


if __name__ == "__main__":
    main()
