"""What does a RocketMQ lose that is killed when it is to deliver messages again? Nothing of sylph-mp is in it.

    python -m tests.rocketmq.killed_while_reviving [--rounds 3] [--topics 90]

In each topic a poll is cancelled, which then takes a message in the broker and cannot deliver it. Others poll, too.
4.2 s after the first message the broker gets SIGKILL; after its return the messages must come, or they are lost. It
takes two minutes a round, and is no test: some rounds lose a few, others none (apache/rocketmq#10985).
"""

import argparse
import queue
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import grpc

from tests.brokers.real import OwnBroker
from tests.contract.client import Client, message

LEASE_S = 15
KILL_AFTER_S = 4.2
#: The broker's return, a lease, and as long again twice.
COMES_WITHIN_S = 6 * LEASE_S

Place = tuple[str, str]
"""Topic and group."""


class Receiver(threading.Thread):
    """Receives until it has one message or the time is over, whatever becomes of the broker."""

    def __init__(self, endpoint: str, place: Place) -> None:
        super().__init__(daemon=True)
        self.found = False
        self._endpoint = endpoint
        self._place = place
        self._ends_at = time.monotonic() + COMES_WITHIN_S
        self.start()

    def run(self) -> None:
        while not self.found and time.monotonic() < self._ends_at:
            with closing(Client(self._endpoint)) as client, suppress(grpc.RpcError, queue.Empty):
                self._receive(client)
            time.sleep(0.2)

    def _receive(self, client: Client) -> None:
        topic, group = self._place
        client.subscribe(group, topic)
        while not self.found and time.monotonic() < self._ends_at:
            got = client.receive(topic, group, invisible=LEASE_S).messages
            if got:
                client.ack(topic, group, *got)
                self.found = True


def lost(broker: OwnBroker, count: int) -> tuple[int, int]:
    """How many came before the kill, and how many never."""
    places = [(broker.topic(queues=1), broker.group()) for _ in range(count)]
    receivers = []
    with closing(Client(broker.endpoint)) as client:
        for topic, group in places:
            client.subscribe(group, topic)
            client.send(message(topic, "so that the group has a place to begin"))
            client.ack(topic, group, *client.collect(topic, group, 1))
        began = time.monotonic()
        for place in places:
            client.abandon_poll(*place, invisible=LEASE_S, waits=0.02)
            client.send(message(place[0], "taken by the dead poll"))
            receivers.append(Receiver(broker.endpoint, place))
        time.sleep(max(0.0, began + KILL_AFTER_S - time.monotonic()))
    broker.stop_proxy(kill=True)
    before = sum(receiver.found for receiver in receivers)
    broker.start_proxy()
    for receiver in receivers:
        receiver.join()
    return before, sum(not receiver.found for receiver in receivers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--topics", type=int, default=90)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sylph-rocketmq-") as folder, closing(OwnBroker(Path(folder))) as broker:
        for number in range(1, options.rounds + 1):
            before, never = lost(broker, options.topics)
            print(f"round {number}: {options.topics} taken, {before} came before the kill, {never} never", flush=True)


if __name__ == "__main__":
    main()
