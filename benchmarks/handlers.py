"""Do slow handlers use what there is? Handlers of 5 ms CPU against cores, of 50 ms waiting against threads.

    python -m benchmarks.handlers [--rounds 3] [--seconds 15]

The ideal of handlers that compute is a core a process, without anything for broker and master, which run on the same
cores; that of handlers that wait is all threads waiting all the time.
"""

import asyncio
import os
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, store
from benchmarks.progress import consumed
from tests.brokers.real import RealBroker

APP = """\
import time
from sylph_mp import App

app = App()


@app.handler("{topic}")
%s
"""
COMPUTES = """\
def handle(body: bytes) -> None:
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        sum(range(100))
"""
WAITS = """\
def handle(body: bytes) -> None:
    time.sleep(0.05)
"""


class Case(NamedTuple):
    name: str
    handler: str
    processes: int
    threads: int
    ideal: float
    """Messages a second."""


def cases() -> list[Case]:
    cores = os.cpu_count() or 1
    computing = [
        Case("5 ms CPU", COMPUTES, processes, 4, 200.0 * min(processes, cores))
        for processes in sorted({1, 2, min(4, max(2, cores))})
    ]
    waiting = [
        Case("50 ms waiting", WAITS, processes, threads, processes * threads / 0.05)
        for processes, threads in ((1, 8), (1, 32), (2, 32))
    ]
    return computing + waiting


def measured(broker: RealBroker, case: Case, topic: str, seconds: float) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory(prefix="sylph-") as folder,
        Fleet(
            Path(folder),
            app=APP % case.handler,
            endpoint=broker.endpoint,
            topic=topic,
            group=broker.group(),
            processes=case.processes,
            threads=case.threads,
            shards=4,
        ) as fleet,
    ):
        figures = consumed(fleet, warm=int(case.ideal), count=int(case.ideal * (1 + seconds)))
    per_s = figures["messages/s"]
    return {
        "messages/s": per_s,
        "share of the ideal": per_s / case.ideal,
        "us CPU a message": figures["us CPU a message"],
    }


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    topic = broker.topic()
    most = max(case.ideal for case in cases()) * (1 + options.seconds)
    asyncio.run(store(broker.endpoint, topic, int(1.5 * most), 200))
    for _ in range(options.rounds):
        for case in cases():
            processes = f"{case.processes} process{'es' if case.processes > 1 else ''}"
            subject = processes if case.handler is COMPUTES else f"{processes}, {case.threads} threads each"
            rounds.add(case.name, subject, measured(broker, case, topic, options.seconds))


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=15)
    return question.answer("handlers", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
