"""What does a consumer's death cost? Consumers are killed one after the other; when does what they ran run again?

    python -m benchmarks.hand_over [--kills 50] [--processes 4] [--every-s 15.5]

Handlers sleep, and write into files when they begin and end a message. A slot is to be killed again after more than a
minute: sooner, its restart waits. More processes than the host has room for measure the host. Ends with an error if a
message was lost, or one that had ended ran again.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from benchmarks import question
from benchmarks.answer import Rounds
from benchmarks.fleet import Fleet, store
from tests.brokers.real import RealBroker

APP = """\
import os
import time
from sylph_mp import App

app = App()
lines = os.open("{folder}/calls-" + str(os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def note(what: str, body: bytes) -> None:
    number = int.from_bytes(body[:8], "big")
    os.write(lines, f"{what} {number} {os.getpid()} {time.monotonic():.6f}\\n".encode())


@app.handler("{topic}")
def handle(body: bytes) -> None:
    note("begin", body)
    time.sleep(0.2)
    note("end", body)
"""

CALL_S = 0.2
THREADS = 8
START_S = 8.0
#: An end written this long before a kill may not have been returned from yet.
RETURN_S = 0.02
SHARES = {"p50": 0.5, "p99": 0.99, "most": 1.0}


class Line(NamedTuple):
    what: str
    number: int
    pid: int
    at: float


class Kill(NamedTuple):
    pid: int
    at: float


def kill_busy(fleet: Fleet, slot: int) -> Kill:
    while True:
        seen = fleet.look()
        victim = next((each for each in seen.slots if each.slot == slot), None) if seen else None
        if victim and victim.pid is not None and victim.state == "running" and (victim.in_flight or 0) > THREADS:
            os.kill(victim.pid, signal.SIGKILL)
            return Kill(victim.pid, time.monotonic())
        time.sleep(0.01)


def calls_in(folder: Path) -> list[Line]:
    found = []
    for path in folder.glob("calls-*"):
        for line in path.read_text().splitlines():
            what, number, pid, at = line.split()
            found.append(Line(what, int(number), int(pid), float(at)))
    return sorted(found, key=lambda line: line.at)


def wait_for_all(folder: Path, fleet: Fleet, sent: int) -> None:
    """What was on the wire to a killed process comes back when its lease is over, so the last ones take that long."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        seen = fleet.look()
        if seen and seen.topics[0].acked >= sent:
            return
        if len({line.number for line in calls_in(folder) if line.what == "end"}) == sent:
            return
        time.sleep(3)


def times_again(calls: list[Line], kills: list[Kill], sent: int) -> tuple[list[float], list[float]]:
    """Seconds from each kill until the first of what ran did again, and until each did.

    Raises AssertionError if something was lost, or ran again that should not have.
    """
    by_number: defaultdict[int, list[Line]] = defaultdict(list)
    for line in calls:
        by_number[line.number].append(line)
    lost = sent - sum(any(line.what == "end" for line in lines) for lines in by_number.values())
    first, every, wrong = [], [], 0
    for kill in kills:
        again_s = []
        for lines in by_number.values():
            mine = [line for line in lines if line.pid == kill.pid]
            later = [line for line in lines if line.what == "begin" and line.at > kill.at and line.pid != kill.pid]
            if mine and mine[-1].what == "begin" and later:
                again_s.append(later[0].at - kill.at)
            if mine and mine[-1].what == "end" and later and kill.at - mine[-1].at > RETURN_S:
                wrong += 1
        if again_s:
            first.append(min(again_s))
            every.extend(again_s)
    if lost or wrong:
        raise AssertionError(f"{sent:,} sent, {lost} lost; {wrong} had ended and ran again")
    return first, every


def shares(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {f"{name} ms": 1e3 * ordered[int(q * (len(ordered) - 1))] for name, q in SHARES.items()}


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
            first, every = killed(options, broker, Path(folder))
        case = f"{options.kills} kills, {options.processes} processes"
        rounds.add(case, "first message that ran", shares(first))
        rounds.add(case, "every message that ran", shares(every))


def killed(options: Namespace, broker: RealBroker, folder: Path) -> tuple[list[float], list[float]]:
    busy_s = 1.3 * (options.kills * options.every_s + START_S)
    sent = int(busy_s * options.processes * THREADS / CALL_S)
    topic = broker.topic()
    asyncio.run(store(broker.endpoint, topic, sent, 200))
    kills = []
    with Fleet(
        folder,
        app=APP,
        endpoint=broker.endpoint,
        topic=topic,
        group=broker.group(),
        processes=options.processes,
        threads=THREADS,
        shards=options.processes,
    ) as fleet:
        time.sleep(START_S)
        for number in range(options.kills):
            kills.append(kill_busy(fleet, number % options.processes + 1))
            time.sleep(options.every_s)
        wait_for_all(folder, fleet, sent)
    return times_again(calls_in(folder), kills, sent)


def main() -> int:
    parser = question.parser(__doc__ or "", rounds=1)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--every-s", type=float, default=15.5)
    return question.answer("hand_over", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
