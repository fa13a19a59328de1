"""What all questions share: options, a broker of their own unless one is named, and where the answer goes."""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.answer import Answer, Rounds, circumstances
from tests.brokers.real import OwnBroker, RealBroker

#: Both compilers: a broker that runs for minutes.
JAVA_OPTIONS = "-XX:+UseG1GC"

Measure = Callable[[argparse.Namespace, RealBroker, Rounds], None]


def parser(doc: str, *, rounds: int = 3) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--endpoint", default="", help="of a RocketMQ's proxy; without, one is started")
    made.add_argument("--namesrv", default="", help="of the same RocketMQ")
    made.add_argument("--rounds", type=int, default=rounds)
    return made


def answer(question: str, parser: argparse.ArgumentParser, measure: Measure) -> int:
    """Measure all rounds with a RocketMQ, write the answer."""

    def with_broker(options: argparse.Namespace, rounds: Rounds) -> None:
        with broker_for(options) as broker:
            measure(options, broker, rounds)

    return answer_alone(question, parser, with_broker)


def answer_alone(
    question: str, parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace, Rounds], None]
) -> int:
    """The same without a RocketMQ. Asked with other options than its own, its figures are printed and not kept."""
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    rounds = Rounds()
    measure(options, rounds)
    said = {name: value for name, value in vars(options).items() if name not in ("endpoint", "namesrv")}
    if any(value != parser.get_default(name) for name, value in said.items() if name != "rounds"):
        return 0
    flags = [name for name, value in said.items() if value is False]
    made = Answer(
        question=question,
        parameters={name: value for name, value in said.items() if name not in flags},
        circumstances=circumstances(load_before),
        rows=tuple(rounds.rows()),
    )
    print(made.write())
    return 0


@contextmanager
def broker_for(options: argparse.Namespace) -> Iterator[RealBroker]:
    if options.endpoint:
        yield RealBroker(endpoint=options.endpoint, namesrv=options.namesrv)
        return
    with own_broker() as broker:
        yield broker


@contextmanager
def own_broker() -> Iterator[OwnBroker]:
    """A fresh RocketMQ on free ports, gone afterwards with all that it stored."""
    with tempfile.TemporaryDirectory(prefix="sylph-rocketmq-") as folder:
        broker = OwnBroker(Path(folder), java_options=JAVA_OPTIONS)
        try:
            yield broker
        finally:
            broker.close()
