"""Is an output lost while the consumers and masters of a pipeline are killed again and again?

    python -m benchmarks.killed_pipeline [--kills 50] [--each 200] [--seed 1] [--endpoint HOST:PORT --namesrv HOST:PORT]

Handlers send one message for each that they handle. Before each kill some more messages are stored; the kill comes
while they are handled: three times a consumer, then the master. In the end all that the handlers have sent is received
by a group of its own and counted. Ends with an error if an output is missing.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rocketmq.grpc_protocol import definition_pb2 as d

from benchmarks import question
from tests.brokers.real import RealBroker
from tests.contract.client import Client
from tests.scenarios.pipeline import Pipeline
from tests.scenarios.real_fleet import send

#: Every so many kills it is the master.
MASTER_EVERY = 4
#: After what was sent: a kill comes at any moment of their handling.
MOST_WAIT_S = 0.5
PROCESSES = 2
LIMIT_S = 120.0
#: Kills at which a message runs until it is quarantined as their cause, which none is here.
STRIKES = 10


def kill(fleet: Pipeline, number: int, chance: random.Random) -> str:
    """Returns whom."""
    time.sleep(chance.random() * MOST_WAIT_S)
    if number % MASTER_EVERY == MASTER_EVERY - 1:
        fleet.process.kill()
        fleet.process.wait()
        fleet.start()
        return "masters"
    os.kill(chance.choice(fleet.consumers()), signal.SIGKILL)
    return "consumers"


def outputs(broker: RealBroker, topic: str, group: str) -> Counter[str]:
    """How often each is there that has come since the last time, until two polls bring nothing."""
    client = Client(broker.endpoint)
    client.subscribe(group, topic)
    seen: Counter[str] = Counter()
    empty = 0
    while empty < 2:
        received = client.receive(topic, group, invisible=60)
        assert received.messages or received.code == d.MESSAGE_NOT_FOUND, received.text
        empty = 0 if received.messages else empty + 1
        if received.messages:
            client.ack(topic, group, *received.messages)
            seen.update(body.rstrip(".") for body in received.bodies)
    client.close()
    return seen


def run(broker: RealBroker, options: argparse.Namespace, folder: Path) -> int:
    source, topic, group, readers = broker.topic(), broker.topic(), broker.group(), broker.group()
    assert not outputs(broker, topic, readers), "it reads from here on"
    chance, killed, sent = random.Random(options.seed), Counter[str](), list[str]()
    with Pipeline(
        folder,
        endpoint=broker.endpoint,
        source=source,
        topic=topic,
        group=group,
        processes=(PROCESSES, PROCESSES),
        lease_s=10,
        pass_on="time.sleep(0.02)",
    ) as fleet:
        fleet.until_running(PROCESSES, LIMIT_S)
        for number in range(options.kills):
            texts = [f"m{number * options.each + place}" for place in range(options.each)]
            send(broker.endpoint, source, texts)
            sent += texts
            killed[kill(fleet, number, chance)] += 1
            fleet.until_running(PROCESSES, LIMIT_S)
        began = time.monotonic()
        fleet.until_handled(len(sent), LIMIT_S)
        print(f"the last was handled {time.monotonic() - began:.1f} s after the last kill")
        seen = outputs(broker, topic, readers)
        assert fleet.stop(60) == 0
        again = sum(count - 1 for count in fleet.times_handled().values())
    lost = set(sent) - seen.keys()
    print(f"killed: {killed['consumers']} consumers, {killed['masters']} masters")
    print(f"{len(sent):,} messages sent; {len(seen):,} outputs there, {len(lost)} lost")
    print(
        f"{sum(seen.values()) - len(seen)} outputs twice or more; {again} handler calls for an output beyond the first"
    )
    return 1 if lost else 0


def main() -> int:
    parser = question.parser(__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--each", type=int, default=200, help="messages before each kill")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["SYLPH_CONSUMERS_STRIKES"] = str(STRIKES)
    with question.broker_for(options) as broker, tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        return run(broker, options, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
