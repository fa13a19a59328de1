"""How long from a send until the handler has it? At a steady rate, ours beside the official push consumers.

    python -m benchmarks.latency [--rounds 3] [--rates 50,500] [--seconds 20]

Messages are sent one by one, at even distances, each with the time at which its send began; the handler notes when it
is called. The first two seconds are left out. Sender, broker and consumer share the machine and its clock.
"""

import asyncio
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, numbered
from benchmarks.peer import JAVA_GRPC, JAVA_REMOTING, PYTHON_PUSH, Peer, make_java_peers
from benchmarks.progress import Client, until_handled
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id
from tests.brokers.real import RealBroker

APP = """\
import time
from sylph_mp import App

app = App()
file = open("{folder}/noted", "wb")


@app.handler("{topic}")
def handle(body: bytes) -> None:
    file.write(body[:16] + time.time_ns().to_bytes(8, "big"))


app.on_stop(file.close)
"""
OURS = "sylph-mp, 1 process"
SIZE = 1024
RECORD = 24
#: Sent before those that count: connections open, code is compiled, the consumer's first polls are over.
WARM_S = 2.0


@contextmanager
def fleet(broker: RealBroker, topic: str, folder: Path) -> Iterator[Client]:
    with Fleet(
        folder,
        app=APP,
        endpoint=broker.endpoint,
        topic=topic,
        group=broker.group(),
        processes=1,
        threads=8,
        shards=4,
    ) as started:
        started.until_running()
        yield started


def peer(name: str) -> Callable[[RealBroker, str, Path], AbstractContextManager[Client]]:
    return lambda broker, topic, folder: Peer(name, broker, topic=topic, group=broker.group(), file=folder / "noted")


def clients() -> dict[str, Callable[[RealBroker, str, Path], AbstractContextManager[Client]]]:
    java = (JAVA_GRPC, JAVA_REMOTING) if make_java_peers() else ()
    return {OURS: fleet, **{name: peer(name) for name in (PYTHON_PUSH, *java)}}


async def send(broker: RealBroker, topic: str, *, first: int, count: int, rate: float) -> None:
    """Messages `first` and following; one that is late does not keep the next from its time."""
    instance = Instance(name="default", endpoints=(broker.endpoint,), request_timeout_s=20)
    calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())
    encoder = Encoder(instance.namespace, Limits())

    async def one(number: int) -> None:
        outgoing = Outgoing(topic=topic, payload=numbered(number, SIZE))
        await calls.send(encoder.encode(outgoing, time.time()).part)

    began, sending = time.monotonic(), []
    try:
        for place in range(count):
            await asyncio.sleep(max(0.0, began + place / rate - time.monotonic()))
            sending.append(asyncio.create_task(one(first + place)))
        await asyncio.gather(*sending)
    finally:
        calls.close()


def latencies_s(file: Path, warm: int) -> list[float]:
    """Sorted; those of messages from number `warm` on."""
    data = file.read_bytes()
    found = []
    for at in range(0, len(data), RECORD):
        number, sent_ns, came_ns = (int.from_bytes(data[at + word : at + word + 8], "big") for word in (0, 8, 16))
        if number >= warm:
            found.append((came_ns - sent_ns) / 1e9)
    return sorted(found)


def measured(broker: RealBroker, name: str, rate: float, seconds: float) -> dict[str, float]:
    warm, count = int(WARM_S * rate), int(seconds * rate)
    topic = broker.topic()
    with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        with clients()[name](broker, topic, Path(folder)) as client:
            asyncio.run(send(broker, topic, first=0, count=1, rate=rate))
            until_handled(client, 1)  # it consumes
            asyncio.run(send(broker, topic, first=1, count=warm + count - 1, rate=rate))
            until_handled(client, warm + count)
        took = latencies_s(Path(folder) / "noted", warm)
    if len(took) < count:
        raise AssertionError(f"{name}: {len(took)} of {count} noted")
    return {f"p{100 * share:g} ms": 1e3 * took[int(share * (len(took) - 1))] for share in (0.5, 0.99, 0.999)}


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    rates = [float(text) for text in options.rates.split(",")]
    measured(broker, OURS, max(rates), 2.0)  # a warm broker
    for _ in range(options.rounds):
        for rate in rates:
            for name in clients():
                rounds.add(f"{rate:g} messages/s", name, measured(broker, name, rate, options.seconds))


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--rates", default="50,500")
    parser.add_argument("--seconds", type=float, default=20)
    return question.answer("latency", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
