"""What does a fleet cost that has nothing to do, and does it grow faster than its size?

    python -m benchmarks.at_rest [--rounds 3] [--seconds 20]

One process with one topic of one shard, and the same with more processes, topics, shards or entries. Of the master, the
forkserver and a consumer: CPU as a share of one core, how often a second they wake up, and memory (PSS: shared pages
are divided among those that share them). Then what `sylph status` and a scrape of the metrics cost the master, each.
"""

import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet
from benchmarks.idle import Idle, cpu_ns, watch
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
#: Polls are out, and what the start has woken is asleep again.
SETTLE_S = 6.0
ASKED = 100
IN_FLIGHT = 1024


class Size(Struct, frozen=True, kw_only=True):
    """Of a fleet; as small as can be where nothing is said."""

    processes: int = 1
    topics: int = 1
    shards: int = 1
    """Of the first topic."""
    in_flight: int = IN_FLIGHT
    http: bool = True

    def __str__(self) -> str:
        parts = [_count(self.processes, "process"), _count(self.topics, "topic")]
        if self.shards != self.processes:
            parts.append(_count(self.shards, "shard"))
        if self.in_flight != IN_FLIGHT:
            parts.append(f"in_flight {self.in_flight:,}")
        if not self.http:
            parts.append("no HTTP")
        return ", ".join(parts)


SIZES = (
    Size(),
    Size(http=False),
    Size(processes=4, shards=4),
    Size(processes=16, shards=16),
    Size(topics=100),
    Size(shards=64),
    Size(shards=256),
    Size(in_flight=32),
    Size(in_flight=8192),
)


def _count(number: int, what: str) -> str:
    plural = "" if number == 1 else "es" if what.endswith("s") else "s"
    return f"{number} {what}{plural}"


def cost_of(fleet: Fleet, action: Callable[[], object]) -> dict[str, float]:
    began, cpu = time.perf_counter(), cpu_ns(fleet.master.pid)
    for _ in range(ASKED):
        action()
    return {
        "ms": 1e3 * (time.perf_counter() - began) / ASKED,
        "ms CPU of the master": (cpu_ns(fleet.master.pid) - cpu) / 1e6 / ASKED,
    }


def measured(broker: RealBroker, topics: list[str], size: Size, seconds: float) -> dict[str, dict[str, float]]:
    """By what is asked: the fleet at rest, and what looking at it costs."""
    first, *others = topics[: size.topics]
    port = free_port()
    more = "".join(f"[topics.{topic}]\nshards = 1\n" for topic in others)
    if size.http:
        more += f'[control]\nhttp = "127.0.0.1:{port}"\n'
    with (
        tempfile.TemporaryDirectory(prefix="sylph-") as folder,
        Fleet(
            Path(folder),
            app=APP,
            endpoint=broker.endpoint,
            topic=first,
            group=broker.group(),
            processes=size.processes,
            threads=8,
            shards=size.shards,
            consumers=f"in_flight = {size.in_flight}",
            more=more,
        ) as fleet,
    ):
        fleet.until_running()
        time.sleep(SETTLE_S)
        seen = watch(fleet.processes(), seconds)
        answers = {"at rest": dict(_figures(fleet, seen)), "status": cost_of(fleet, lambda: look(fleet.socket))}
        if size.http:
            answers["metrics"] = cost_of(fleet, lambda: read(f"http://127.0.0.1:{port}/metrics"))
    return answers


def _figures(fleet: Fleet, seen: dict[int, Idle]) -> Iterator[tuple[str, float]]:
    consumers = {slot.pid for slot in look(fleet.socket).slots if slot.pid is not None}
    kinds = {
        "master": [seen[fleet.master.pid]],
        "forkserver": [idle for pid, idle in seen.items() if pid != fleet.master.pid and pid not in consumers],
        "a consumer": [idle for pid, idle in seen.items() if pid in consumers],
    }
    yield "% of a core, all", 100 * sum(idle.cpu_ratio for idle in seen.values())
    for kind, idles in kinds.items():
        yield f"%, {kind}", 100 * _mean(idle.cpu_ratio for idle in idles)
    for kind, idles in kinds.items():
        yield f"wakes/s, {kind}", _mean(idle.wakes_per_s for idle in idles)
    for kind, idles in kinds.items():
        yield f"MiB, {kind}", _mean(idle.pss_mib for idle in idles)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def read(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    topics = [broker.topic(queues=1) for _ in range(max(size.topics for size in SIZES))]
    for _ in range(options.rounds):
        for size in SIZES:
            for name, figures in measured(broker, topics, size, options.seconds).items():
                rounds.add(name, str(size), figures)


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=20)
    return question.answer("at_rest", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
