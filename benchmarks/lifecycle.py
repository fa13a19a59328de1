"""How long do the fleet's own steps take: start, reload, drain?

    python -m benchmarks.lifecycle [--rounds 5] [--processes 4]

Start: from the command until all consumers run, and until the first message was acked. Reload: until all processes are
new ones and run, beside a trickle of messages. Drain: from SIGTERM until `sylph run` has ended, with handlers of 50 ms
and all queues full; what was not begun is handed back.
"""

import asyncio
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, store
from benchmarks.progress import until_handled
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Reload
from tests.brokers.real import RealBroker

APP = """\
import time
from sylph_mp import App

app = App()


@app.handler("{topic}")
def handle(body: bytes) -> None:
    time.sleep(0.05)
"""
THREADS = 8
LIMIT_S = 60.0


def pids(fleet: Fleet) -> set[int]:
    """Of the consumers that run."""
    seen = fleet.look()
    return {slot.pid for slot in seen.slots if slot.pid and slot.state == "running"} if seen else set()


def reloaded_s(fleet: Fleet, processes: int) -> float:
    before = pids(fleet)
    began = time.monotonic()
    tell(fleet.socket, Reload(), limit_s=LIMIT_S)
    while len(pids(fleet) - before) < processes:
        if time.monotonic() > began + LIMIT_S:
            raise TimeoutError(f"not reloaded in {LIMIT_S:.0f} s")
        time.sleep(0.01)
    return time.monotonic() - began


def measured(broker: RealBroker, topic: str, processes: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        began = time.monotonic()
        with Fleet(
            Path(folder),
            app=APP,
            endpoint=broker.endpoint,
            topic=topic,
            group=broker.group(),
            processes=processes,
            threads=THREADS,
            shards=processes,
        ) as fleet:
            fleet.until_running()
            running_s = time.monotonic() - began
            until_handled(fleet, 1)
            acked_s = time.monotonic() - began
            reload_s = reloaded_s(fleet, processes)
            time.sleep(1)  # queues fill
            began = time.monotonic()
            code = fleet.stop()
            drain_s = time.monotonic() - began
    if code:
        raise AssertionError(f"sylph run ended with {code}")
    return {
        "s until all run": running_s,
        "s until the first ack": acked_s,
        "s to reload": reload_s,
        "s to drain": drain_s,
    }


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    topic = broker.topic()
    asyncio.run(store(broker.endpoint, topic, options.processes * THREADS * 20 * 60, 200))
    for _ in range(options.rounds):
        for processes in sorted({1, options.processes}):
            subject = f"{processes} process{'es' if processes > 1 else ''}"
            rounds.add("handlers of 50 ms, queues full", subject, measured(broker, topic, processes))


def main() -> int:
    parser = question.parser(__doc__ or "", rounds=5)
    parser.add_argument("--processes", type=int, default=4)
    return question.answer("lifecycle", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
