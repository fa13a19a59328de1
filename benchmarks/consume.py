"""What does consuming cost? The whole runtime beside the official clients: messages a second, CPU time a message.

    python -m benchmarks.consume [--rounds 3] [--messages 120000] [--peers yes]

The messages are stored first, so that the broker's work of storing is over; each client is of a new group, gets them
from the first one on, and does next to nothing with each. CPU is that of all processes of a client, of ours the master
too. Ours handles all that is stored; it ends with an error unless each was handled exactly once.
"""

import asyncio
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, numbered, store
from benchmarks.peer import JAVA_GRPC, JAVA_REMOTING, PYTHON_PUSH, PYTHON_SIMPLE, Peer, make_java_peers
from benchmarks.progress import consumed
from tests.brokers.real import RealBroker

APP = """\
import msgspec
from sylph_mp import App

app = App()
numbers = open("{folder}/handled-" + str(__import__("os").getpid()), "ab", buffering=1 << 16)


class Order(msgspec.Struct):
    number: int
    customer: str
    lines: list[str]


%s

app.on_stop(numbers.close)
"""
SYNC = """
@app.handler("{topic}")
def handle(body: bytes) -> None:
    numbers.write(body[:8])
"""
ASYNC = SYNC.replace("def", "async def")
BATCH = """
@app.handler("{topic}", batch=100)
def handle(bodies: list[bytes]) -> None:
    numbers.write(b"".join([body[:8] for body in bodies]))
"""
STRUCT = """
@app.handler("{topic}")
def handle(order: Order) -> None:
    numbers.write(order.number.to_bytes(8, "big"))
"""


def order(number: int, size: int) -> bytes:
    """A JSON document of the size: ten lines of an order."""
    line = "." * (size // 10 - 10)
    return b'{"number":%d,"customer":"c-%d","lines":[%s]}' % (
        number,
        number % 1000,
        ",".join([f'"{line}"'] * 10).encode(),
    )


class Case(NamedTuple):
    """A topic full of messages, and what consumes them."""

    name: str
    size: int
    share: float
    """Of the messages that `--messages` says."""
    handler: str = SYNC
    body: Callable[[int, int], bytes] = numbered
    processes: tuple[int, ...] = (1,)
    peers: bool = False


ONE_KB = "1 KB"
CASES = (
    Case(ONE_KB, 1024, 1, processes=(1, 2), peers=True),
    Case("100 B", 100, 0.5),
    Case("16 KB", 16 << 10, 0.1),
    Case("1 KB, async handler", 1024, 0.5, handler=ASYNC),
    Case("1 KB, batches of 100", 1024, 0.5, handler=BATCH),
    Case("1 KB of JSON into a Struct", 1024, 0.5, handler=STRUCT, body=order),
)


class Portion(NamedTuple):
    """How much of the messages a peer handles before it is measured, and until it is stopped: most are slow."""

    warm: float
    until: float


PEERS = {
    PYTHON_SIMPLE: Portion(0.005, 0.04),
    PYTHON_PUSH: Portion(0.005, 0.04),
    JAVA_GRPC: Portion(0.15, 0.4),
    JAVA_REMOTING: Portion(0.3, 1),
}
WARM = 0.1


def ours(broker: RealBroker, topic: str, case: Case, *, processes: int, messages: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        with Fleet(
            Path(folder),
            app=APP % case.handler,
            endpoint=broker.endpoint,
            topic=topic,
            group=broker.group(),
            processes=processes,
            threads=8,
            shards=4,
        ) as fleet:
            figures = consumed(fleet, warm=int(messages * WARM), count=messages)
            code = fleet.stop()
        numbers = numbers_in(Path(folder))
    if sorted(numbers) != list(range(messages)) or code:
        raise AssertionError(
            f"{messages} sent, {len(numbers)} handled, {len(set(numbers))} of them different; ended with {code}"
        )
    return figures


def numbers_in(folder: Path) -> list[int]:
    found = []
    for path in folder.glob("handled-*"):
        data = path.read_bytes()
        found += [int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8)]
    return found


def theirs(broker: RealBroker, topic: str, name: str, messages: int) -> dict[str, float]:
    warm, until = PEERS[name]
    with Peer(name, broker, topic=topic, group=broker.group()) as peer:
        return consumed(peer, warm=int(messages * warm), count=int(messages * until))


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    java = options.peers == "yes" and make_java_peers()
    peers = [name for name in PEERS if options.peers == "yes" and (java or name in (PYTHON_PUSH, PYTHON_SIMPLE))]
    cases = [case for case in CASES if options.case in ("all", case.name)]
    topics = {}
    for case in cases:
        topics[case.name] = topic = broker.topic()
        messages = int(options.messages * case.share)
        asyncio.run(store(broker.endpoint, topic, messages, case.size, case.body))
    first = cases[0]
    ours(broker, topics[first.name], first, processes=1, messages=int(options.messages * first.share))  # a warm broker
    for _ in range(options.rounds):
        for case in cases:
            messages = int(options.messages * case.share)
            for processes in case.processes:
                name = f"sylph-mp, {processes} process{'es' if processes > 1 else ''}"
                figures = ours(broker, topics[case.name], case, processes=processes, messages=messages)
                rounds.add(case.name, name, figures)
            for name in peers if case.peers else ():
                rounds.add(case.name, name, theirs(broker, topics[case.name], name, messages))


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--messages", type=int, default=120_000)
    parser.add_argument("--peers", choices=("yes", "no"), default="yes")
    parser.add_argument("--case", choices=("all", *(case.name for case in CASES)), default="all")
    return question.answer("consume", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
