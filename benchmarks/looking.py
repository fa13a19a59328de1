"""How soon does `sylph status` answer when nothing else does, and what does a scrape of `/metrics` each second cost?

    python -m benchmarks.looking [--times 20] [--processes 4] [--scrapes 30]

On an embedded broker; every thread of the consumers is in a handler call. First the CPU of the master while it is
scraped once a second, less that of as many seconds in which it is not. Then all consumers are stopped and the broker is
away: the time of a request over the control socket, which is the master's part, and of whole commands, mostly Python's
start.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from benchmarks.at_rest import read
from benchmarks.embedded import embedded_broker
from benchmarks.fleet import Fleet, store
from sylph_mp.control.client import look
from sylph_mp.devbroker.in_thread import BrokerThread
from tests.brokers.ports import free_port

APP = """\
import time
from sylph_mp import App

app = App()


@app.handler("{topic}")
def handle(body: bytes) -> None:
    time.sleep(600)
"""

TOPIC, GROUP = "looking", "looking"
THREADS = 8
#: CPU time is counted in hundredths of a second.
LOOKS = 200
COMMANDS = (
    [sys.executable, "-c", "pass"],
    [sys.executable, "-m", "sylph_mp", "status", "-q"],
    [sys.executable, "-m", "sylph_mp", "status"],
    [sys.executable, "-m", "sylph_mp", "crashes", "ls"],
)


def measure(name: str, times: int, action: Callable[[], object]) -> None:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    print(f"{name:24}  {took[len(took) // 2]:6.1f} ms (median)  {took[-1]:6.1f} ms (most)")


def master_cpu_s(fleet: Fleet) -> float:
    times = fleet.master.cpu_times()
    return times.user + times.system


def cpu_of_seconds(fleet: Fleet, seconds: int, action: Callable[[], object]) -> float:
    """Of the master, with one action in each of them."""
    before, began = master_cpu_s(fleet), time.monotonic()
    for second in range(1, seconds + 1):
        action()
        time.sleep(max(0.0, began + second - time.monotonic()))
    return master_cpu_s(fleet) - before


def measure_scrapes(fleet: Fleet, port: int, scrapes: int) -> None:
    rest_s = cpu_of_seconds(fleet, scrapes, lambda: None)
    scraped_s = cpu_of_seconds(fleet, scrapes, lambda: read(f"http://127.0.0.1:{port}/metrics"))
    each_ms = 1000 * (scraped_s - rest_s) / scrapes
    print(f"{'a scrape each second':24}  {each_ms:6.1f} ms CPU of the master: {each_ms / 10:.2f} % of a core")


@contextmanager
def standing_still(fleet: Fleet) -> Iterator[None]:
    """All consumers stopped; for less than 15 s, or the master kills them."""
    pids = [slot.pid for slot in look(fleet.socket).slots if slot.pid is not None]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def run(options: argparse.Namespace, folder: Path, broker: BrokerThread) -> None:
    port = free_port()
    with Fleet(
        folder,
        app=APP,
        endpoint=broker.endpoint,
        topic=TOPIC,
        group=GROUP,
        processes=options.processes,
        threads=THREADS,
        shards=options.processes,
        more=f'[control]\nhttp = "127.0.0.1:{port}"\n',
    ) as fleet:
        fleet.until_running()
        asyncio.run(store(broker.endpoint, TOPIC, 100 * options.processes, 200))
        time.sleep(2)  # until all threads are busy and that has been reported
        measure_scrapes(fleet, port, options.scrapes)
        broker.stop_listening()
        with standing_still(fleet):
            measure("the master's answer", options.times, lambda: look(fleet.socket))
            before = master_cpu_s(fleet)
            for _ in range(LOOKS):
                look(fleet.socket)
            each_ms = 1000 * (master_cpu_s(fleet) - before) / LOOKS
            print(f"{'CPU of the master for it':24}  {each_ms:6.1f} ms")
        for command in COMMANDS:
            name = " ".join(["python", *command[1:]] if command[1] == "-c" else ["sylph", *command[3:]])
            with standing_still(fleet):
                command_run = partial(subprocess.run, command, cwd=folder, capture_output=True, check=False)
                measure(name, options.times, command_run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--scrapes", type=int, default=30)
    options = parser.parse_args()
    with embedded_broker(TOPIC, GROUP) as broker, tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        run(options, Path(folder), broker)


if __name__ == "__main__":
    main()
