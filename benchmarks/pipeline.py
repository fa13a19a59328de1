"""What does a handler's send cost? Each message makes one other, which the master stores before the first is acked.

    python -m benchmarks.pipeline [--rounds 3] [--messages 100000]

The path is: received, handler, `ctx.send`, shared-memory outbox, master, batched SendMessage, receipt, ack. Beside the
same fleet whose handlers send nothing: the difference is what sending through the outbox costs. Ends with an error
unless every message was acked.
"""

import asyncio
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, cpu_s, store
from benchmarks.progress import Sample, consumed
from tests.brokers.real import RealBroker

APP = """\
from sylph_mp import App, Context

app = App()


@app.handler("{topic}")
def handle(body: bytes, ctx: Context) -> None:
    %s
"""
HANDLERS = {"sends nothing": "pass", "sends one message of 1 KB": 'ctx.send("%s", body)'}
SIZE = 1024
WARM = 0.1


class Master:
    """The same fleet, of whose CPU time only the master's is counted."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.seen: list[Sample] = []

    def samples(self) -> Iterator[Sample]:
        for sample in self._fleet.samples():
            self.seen.append(sample._replace(cpu_s=cpu_s(self._fleet.master)))
            yield sample


def measured(broker: RealBroker, topic: str, statement: str, *, processes: int, messages: int) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory(prefix="sylph-") as folder,
        Fleet(
            Path(folder),
            app=APP % statement,
            endpoint=broker.endpoint,
            topic=topic,
            group=broker.group(),
            processes=processes,
            threads=8,
            shards=4,
        ) as fleet,
    ):
        master = Master(fleet)
        figures = consumed(master, warm=int(WARM * messages), count=messages)
        code = fleet.stop()
    if code:
        raise AssertionError(f"sylph run ended with {code}")
    first = next(sample for sample in master.seen if sample.handled >= max(1, int(WARM * messages)))
    last = next(sample for sample in master.seen if sample.handled >= messages)
    of_master = 1e6 * (last.cpu_s - first.cpu_s) / (last.handled - first.handled)
    return figures | {"us CPU a message, master alone": of_master}


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    topic, target = broker.topic(), broker.topic()
    asyncio.run(store(broker.endpoint, topic, options.messages, SIZE))
    asyncio.run(store(broker.endpoint, target, 1000, SIZE))
    for number in range(options.rounds + 1):
        for processes in (1, 2):
            for name, statement in HANDLERS.items():
                figures = measured(
                    broker, topic, statement.replace("%s", target), processes=processes, messages=options.messages
                )
                if number:  # the first warms the broker
                    rounds.add(f"1 KB, {processes} process{'es' if processes > 1 else ''}", name, figures)


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--messages", type=int, default=100_000)
    return question.answer("pipeline", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
