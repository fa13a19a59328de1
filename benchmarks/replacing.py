"""What does replacing consumers cost those who wait? One is recycled, then all are reloaded, under a steady flow.

    python -m benchmarks.replacing [--rounds 3] [--processes 4] [--per-second 200]

Handlers of 20 ms note when they end. Each second that a replacement touches is compared with the mean of the seconds
before it: the fewest messages handled in one of them, and the longest time from being stored to being handled. The
seconds before are held against the same mean, to show how even the flow is when nothing is replaced.
"""

import asyncio
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, beside, numbered
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Recycle, Reload, Verb
from sylph_mp.control.target import Slot
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id
from tests.brokers.real import RealBroker

APP = """\
import os
import time
from sylph_mp import App

app = App()
ended = os.open(f"{folder}/ended-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@app.handler("{topic}")
def handle(body: bytes) -> None:
    time.sleep(0.02)
    os.write(ended, body[8:16] + time.time_ns().to_bytes(8, "big"))
"""
STEP_S = 0.02
BEFORE_S = 8.0
#: From the end of a replacement until the next phase begins.
AFTER_S = 3.0
LIMIT_S = 60.0


class Handled(NamedTuple):
    """Seconds since 1970."""

    stored: float
    ended: float


class Phase(NamedTuple):
    began: float
    ended: float


async def flow(endpoint: str, topic: str, per_s: float, ending: threading.Event) -> None:
    """Messages all the time, evenly."""
    instance = Instance(name="default", endpoints=(endpoint,), request_timeout_s=20)
    calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())
    encoder = Encoder(instance.namespace, Limits())
    began, sent = time.monotonic(), 0
    try:
        while not ending.is_set():
            due = int((time.monotonic() - began) * per_s)
            made = (Outgoing(topic=topic, payload=numbered(number, 1024)) for number in range(sent, due))
            if parts := [encoder.encode(each, time.time()).part for each in made]:
                await calls.send(b"".join(parts))
            sent = due
            await asyncio.sleep(STEP_S)
    finally:
        calls.close()


def phase(fleet: Fleet, verb: Verb, done: Callable[[set[int], set[int]], bool]) -> Phase:
    """Carry a verb out; `done` is asked about the processes before and now."""
    before, began = running(fleet), time.time()
    tell(fleet.socket, verb, limit_s=LIMIT_S)
    while not done(before, running(fleet)):
        if time.time() > began + LIMIT_S:
            raise TimeoutError(f"not done in {LIMIT_S:.0f} s")
        time.sleep(0.02)
    ended = time.time()
    time.sleep(AFTER_S)
    return Phase(began, ended)


def running(fleet: Fleet) -> set[int]:
    seen = fleet.look()
    return {slot.pid for slot in seen.slots if slot.pid is not None} if seen else set()


def handled_in(folder: Path) -> list[Handled]:
    found = []
    for path in folder.glob("ended-*"):
        data = path.read_bytes()
        times = [int.from_bytes(data[at : at + 8], "big") / 1e9 for at in range(0, len(data), 8)]
        found += [Handled(*pair) for pair in zip(times[::2], times[1::2], strict=True)]
    return found


def figures(handled: list[Handled], before: Phase, phases: dict[str, Phase]) -> dict[str, float]:
    usual = sum(before.began <= each.ended < before.ended for each in handled) / (before.ended - before.began)
    result = {"% of the usual in the worst second, none replaced": 100 * _fewest(handled, before) / usual}
    for name, during in phases.items():
        touched = [each for each in handled if during.began <= each.ended < during.ended + 1]
        result |= {
            f"s to {name}": during.ended - during.began,
            f"% of the usual in the worst second, {name}": 100 * _fewest(handled, during) / usual,
            f"ms from stored to handled at most, {name}": 1e3 * max(each.ended - each.stored for each in touched),
        }
    return result


def _fewest(handled: list[Handled], during: Phase) -> int:
    """In one of the seconds from its begin on, the last of which may reach beyond its end."""
    seconds = range(max(1, round(during.ended - during.began + 0.5)))
    begins = [during.began + second for second in seconds]
    return min(sum(begin <= each.ended < begin + 1 for each in handled) for begin in begins)


def measured(broker: RealBroker, topic: str, processes: int, per_s: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        with Fleet(
            Path(folder),
            app=APP,
            endpoint=broker.endpoint,
            topic=topic,
            group=broker.group(),
            processes=processes,
            threads=16,
            shards=8,
        ) as fleet:
            fleet.until_running()
            with beside(partial(flow, broker.endpoint, topic, per_s)):
                time.sleep(2)  # what was stored before is done with, and the flow is even
                before = Phase(time.time(), time.time() + BEFORE_S)
                time.sleep(BEFORE_S)
                phases = {
                    "recycle one": phase(
                        fleet, Recycle(Slot(1)), lambda was, now: len(now) == processes and len(now - was) == 1
                    ),
                    "reload all": phase(
                        fleet, Reload(), lambda was, now: len(now) == processes and len(now - was) == processes
                    ),
                }
            code = fleet.stop()
        handled = handled_in(Path(folder))
    if code:
        raise AssertionError(f"sylph run ended with {code}")
    return figures(handled, before, phases)


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    for _ in range(options.rounds):
        for processes in sorted({1, options.processes}):
            subject = f"{processes} process{'es' if processes > 1 else ''}"
            case = f"{options.per_second} messages/s, handlers of 20 ms"
            rounds.add(case, subject, measured(broker, broker.topic(), processes, options.per_second))


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--per-second", type=int, default=200)
    return question.answer("replacing", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
