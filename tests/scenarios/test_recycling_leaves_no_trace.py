"""A consumer that is recycled a hundred times leaves no file, thread, memory or process in its master or the host."""

import os
import time
from pathlib import Path

import psutil
import pytest

from sylph_mp.control.protocol import Recycle
from sylph_mp.control.target import Slot
from sylph_mp.shm.segment import SHM_FOLDER, segment_prefix
from tests.scenarios.fake_fleet import FakeFleet

#: The first ones fill what is bounded and kept, such as the history.
WARM = 10
TIMES = 100
MOST_GROWTH_BYTES = 4 << 20


def recycle(fleet: FakeFleet, times: int) -> None:
    for _ in range(times):
        pid = fleet.slots()[1].pid
        fleet.tell(Recycle(Slot(1)))
        fleet.until(lambda slots, pid=pid: slots[1].state == "running" and slots[1].pid != pid)


def held(fleet: FakeFleet) -> dict[str, object]:
    segments = sorted(name for name in os.listdir(SHM_FOLDER) if name.startswith(segment_prefix(fleet.socket)))
    processes = [psutil.Process(fleet.process.pid), *psutil.Process(fleet.process.pid).children()]
    return {
        "files": [process.num_fds() for process in processes[:2]],
        "threads": [process.num_threads() for process in processes[:2]],
        "processes": len(fleet.processes()),
        "segments": segments,
        "in the folder": sorted(path.name for path in fleet.folder.rglob("*")),
    }


def settled(fleet: FakeFleet) -> dict[str, object]:
    """What is held once nothing changes for a second: an ended consumer's last files may outlive it."""
    end = time.monotonic() + 20
    seen, since = held(fleet), time.monotonic()
    while time.monotonic() < min(end, since + 1):
        time.sleep(0.05)
        if (now := held(fleet)) != seen:
            seen, since = now, time.monotonic()
    return seen


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_recycling_leaves_no_trace(folder: Path) -> None:
    with FakeFleet(folder, least=1, most=2) as fleet:
        fleet.until_running(1)
        recycle(fleet, WARM)
        before, memory = settled(fleet), psutil.Process(fleet.process.pid).memory_info().rss
        recycle(fleet, TIMES)
        assert settled(fleet) == before
        assert psutil.Process(fleet.process.pid).memory_info().rss - memory < MOST_GROWTH_BYTES
