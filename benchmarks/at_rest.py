"""What does a fleet cost that has nothing to do, and does it grow faster than its size?

    python -m benchmarks.at_rest [--rounds 3] [--seconds 20]

CPU as a share of one core and memory (PSS: shared pages are divided among those that share them) of the master, the
forkserver and all consumers; of 1, 4 and 16 processes with one topic, and of 1 and 100 topics with one process. Then
what `sylph status` and a scrape of the metrics cost the master, each.
"""

import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, cpu_s
from sylph_mp.control.client import look
from tests.brokers.ports import free_port
from tests.brokers.real import RealBroker

APP = """\
import tomllib
from sylph_mp import App

app = App()


def handle(body: bytes) -> None:
    pass


for topic in tomllib.load(open("{folder}/config.toml", "rb"))["topics"]:
    app.handler(topic)(handle)
"""
SIZES = ((1, 1), (4, 1), (16, 1), (1, 100))
#: Polls are out, and what the start has woken is asleep again.
SETTLE_S = 6.0
ASKED = 200


def pss_mib(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20


def size_of(processes: int, topics: int) -> str:
    return f"{processes} process{'es' if processes > 1 else ''}, {topics} topic{'s' if topics > 1 else ''}"


def cost_of(fleet: Fleet, action: Callable[[], object]) -> dict[str, float]:
    began, cpu = time.perf_counter(), cpu_s(fleet.master)
    for _ in range(ASKED):
        action()
    return {
        "ms": 1e3 * (time.perf_counter() - began) / ASKED,
        "ms CPU of the master": 1e3 * (cpu_s(fleet.master) - cpu) / ASKED,
    }


def measured(
    broker: RealBroker, topics: list[str], processes: int, seconds: float
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Of the fleet at rest, and of looking at it."""
    first, *others = topics
    port = free_port()
    more = "".join(f"[topics.{topic}]\nshards = 1\n" for topic in others)
    with (
        tempfile.TemporaryDirectory(prefix="sylph-") as folder,
        Fleet(
            Path(folder),
            app=APP,
            endpoint=broker.endpoint,
            topic=first,
            group=broker.group(),
            processes=processes,
            threads=8,
            shards=processes,
            more=f'{more}[control]\nhttp = "127.0.0.1:{port}"\n',
        ) as fleet,
    ):
        fleet.until_running()
        time.sleep(SETTLE_S)
        measured_processes = fleet.processes()
        began, before = time.monotonic(), sum(map(cpu_s, measured_processes))
        time.sleep(seconds)
        core = (sum(map(cpu_s, measured_processes)) - before) / (time.monotonic() - began)
        pss = {process.pid: pss_mib(process) for process in measured_processes}
        consumers = [slot.pid for slot in look(fleet.socket).slots if slot.pid is not None]
        figures = {
            "% of a core, all": 100 * core,
            "% of a core a process": 100 * core / len(measured_processes),
            "MiB PSS, all": sum(pss.values()),
            "MiB PSS, master": pss[fleet.master.pid],
            "MiB PSS a consumer": sum(pss[pid] for pid in consumers) / len(consumers),
        }
        looking = {
            "status over the socket": cost_of(fleet, lambda: look(fleet.socket)),
            "metrics over HTTP": cost_of(fleet, lambda: read(f"http://127.0.0.1:{port}/metrics")),
        }
    return figures, looking


def read(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    topics = [broker.topic(queues=1) for _ in range(max(count for _, count in SIZES))]
    for _ in range(options.rounds):
        for processes, count in SIZES:
            figures, looking = measured(broker, topics[:count], processes, options.seconds)
            rounds.add("at rest", size_of(processes, count), figures)
            for name, cost in looking.items():
                rounds.add(name, size_of(processes, count), cost)


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=20)
    return question.answer("at_rest", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
