"""What does a consumer's death cost? Consumers are killed one after the other; when does what they ran run again?

    python -m benchmarks.hand_over --endpoint 127.0.0.1:8081 --topic T --group G [--kills 50]

Topic and group must exist. Handlers sleep, and write into files when they begin and end a message. Give as many
processes as make it a minute until a slot is killed again: sooner, its restart waits. Ends with 1 if a message was
lost, or one that had ended ran again.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from benchmarks.consume import store
from sylph_mp.control.client import look

APP = """\
import os
import time
from sylph_mp import App

app = App()
lines = os.open("{folder}/calls-" + str(os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def note(what: str, body: bytes) -> None:
    number = int.from_bytes(body[:8], "big")
    os.write(lines, f"{{what}} {{number}} {{os.getpid()}} {{time.monotonic():.6f}}\\n".encode())


@app.handler("{topic}")
def handle(body: bytes) -> None:
    note("begin", body)
    time.sleep({call_s})
    note("end", body)
"""

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
[consumers]
group = "{group}"
processes = {processes}
threads = {threads}
lease_s = 30
buffer = "4 MiB"
[topics.{topic}]
shards = {processes}
"""

CALL_S = 0.2
THREADS = 8
START_S = 8.0
#: An end written this long before a kill may not have been returned from yet.
RETURN_S = 0.02


class Line(NamedTuple):
    what: str
    number: int
    pid: int
    at: float


class Kill(NamedTuple):
    pid: int
    at: float


def kill_busy(socket: str, slot: int) -> Kill:
    while True:
        seen = next(each for each in look(socket).slots if each.slot == slot)
        if seen.pid is not None and seen.state == "running" and (seen.in_flight or 0) > 8:
            os.kill(seen.pid, signal.SIGKILL)
            return Kill(seen.pid, time.monotonic())
        time.sleep(0.01)


def calls_in(folder: Path) -> list[Line]:
    found = []
    for path in folder.glob("calls-*"):
        for line in path.read_text().splitlines():
            what, number, pid, at = line.split()
            found.append(Line(what, int(number), int(pid), float(at)))
    return sorted(found, key=lambda line: line.at)


def wait_for_all(folder: Path, socket: str, sent: int) -> None:
    """What was on the wire to a killed process comes back when its lease is over, so the last ones take that long."""
    end = time.monotonic() + 600
    while look(socket).topics[0].acked < sent and time.monotonic() < end:
        if len({line.number for line in calls_in(folder) if line.what == "end"}) == sent:
            return
        time.sleep(3)


def report(calls: list[Line], kills: list[Kill], sent: int) -> int:
    """Print the figures; 1 if something was lost or run again that should not have been."""
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
    for name, times in (("first message that ran", first), ("every message that ran", every)):
        times.sort()
        at = [times[int(q * (len(times) - 1))] * 1000 for q in (0.5, 0.99, 1)]
        print(
            f"{name} runs again after {at[0]:.0f} ms (p50), {at[1]:.0f} ms (p99), {at[2]:.0f} ms (most); {len(times)}"
        )
    print(f"{sent:,} sent, {lost} lost; {wrong} had ended and ran again")
    return int(bool(lost or wrong))


def run(options: argparse.Namespace, folder: Path) -> int:
    (folder / "app.py").write_text(APP.format(folder=folder, topic=options.topic, call_s=CALL_S))
    (folder / "config.toml").write_text(CONFIG.format(**vars(options), threads=THREADS))
    busy_s = 1.3 * (options.kills * options.every_s + START_S)
    sent = int(busy_s * options.processes * THREADS / CALL_S)
    asyncio.run(store(options.endpoint, options.topic, sent, 200))
    process = subprocess.Popen([sys.executable, "-m", "sylph_mp", "run"], cwd=folder, stderr=subprocess.DEVNULL)
    socket = str(folder / "sylph.sock")
    time.sleep(START_S)
    kills = []
    for number in range(options.kills):
        kills.append(kill_busy(socket, number % options.processes + 1))
        time.sleep(options.every_s)
    wait_for_all(folder, socket, sent)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return report(calls_in(folder), kills, sent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", default="127.0.0.1:8081")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--every-s", type=float, default=4.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        return run(options, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
