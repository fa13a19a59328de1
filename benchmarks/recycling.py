"""What is left of a thousand consumers? They are recycled one after the other under load, and the master is looked at.

    python -m benchmarks.recycling [--times 1000] [--every 100] [--processes 4]

On an embedded broker. Prints the master's and the forkserver's open files, threads and memory, and what lies in
/dev/shm; ends with 1 if files, threads or /dev/shm grew after the first hundred.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.embedded import embedded_broker
from benchmarks.fleet import Fleet, beside, store
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Recycle
from sylph_mp.control.target import Slot
from sylph_mp.shm.segment import SHM_FOLDER, segment_prefix

APP = """\
from sylph_mp import App

app = App()


@app.handler("{topic}")
def handle(body: bytes) -> None:
    pass
"""

TOPIC, GROUP = "recycling", "recycling"
SHARDS = 4


class Held(NamedTuple):
    files: int
    threads: int
    segments: int
    rss_kib: int
    forkserver_rss_kib: int


def held(fleet: Fleet) -> Held:
    forkserver = fleet.master.children()[0]
    return Held(
        files=fleet.master.num_fds() + forkserver.num_fds(),
        threads=fleet.master.num_threads() + forkserver.num_threads(),
        segments=sum(name.startswith(segment_prefix(fleet.socket)) for name in os.listdir(SHM_FOLDER)),
        rss_kib=fleet.master.memory_info().rss // 1024,
        forkserver_rss_kib=forkserver.memory_info().rss // 1024,
    )


def recycle(fleet: Fleet, slot: int) -> None:
    """Returns when the successor runs."""

    def pid() -> int | None:
        seen = fleet.look()
        found = next((each for each in seen.slots if each.slot == slot), None) if seen else None
        return found.pid if found and found.state == "running" else None

    before = pid()
    tell(fleet.socket, Recycle(Slot(slot)))
    while pid() in (None, before):
        time.sleep(0.01)


async def trickle(endpoint: str, ending: threading.Event) -> None:
    """Messages all the time: a process that drains waits for its polls, and those end when something comes."""
    while not ending.is_set():
        await store(endpoint, TOPIC, SHARDS * 2, 100)
        await asyncio.sleep(0.02)


def run(options: argparse.Namespace, folder: Path, endpoint: str) -> int:
    seen: list[tuple[int, Held]] = []
    with (
        Fleet(
            folder,
            app=APP,
            endpoint=endpoint,
            topic=TOPIC,
            group=GROUP,
            processes=options.processes,
            threads=4,
            shards=SHARDS,
        ) as fleet,
        beside(partial(trickle, endpoint)),
    ):
        fleet.until_running()
        print("recycled  " + "  ".join(f"{name:>18}" for name in Held._fields))
        began = time.monotonic()
        for number in range(options.times + 1):
            if number % options.every == 0:
                seen.append((number, held(fleet)))
                print(f"{number:8}  " + "  ".join(f"{value:18,}" for value in seen[-1][1]), flush=True)
            recycle(fleet, number % options.processes + 1)
    print(f"{options.times} recycled in {time.monotonic() - began:.0f} s")
    settled = [each[:3] for number, each in seen if number >= options.every]
    return int(any(after > before for each in settled for before, after in zip(settled[0], each, strict=True)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    with embedded_broker(TOPIC, GROUP) as broker, tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        return run(options, Path(folder), broker.endpoint)


if __name__ == "__main__":
    sys.exit(main())
