"""Consumers outlive their forkserver; a new one is started, and the deaths of the old one's children are still seen."""

import os
import signal
from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet


def test_forkserver_is_replaced(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        before = fleet.until_running(1, 2)
        (forkserver,) = [p for p in fleet.processes() if p.cmdline()[0].startswith("sylph: forkserver")]
        forkserver.kill()
        fleet.until(lambda _: "a new one starts" in fleet.log.read_text())
        assert {n: s.pid for n, s in fleet.slots().items()} == {n: s.pid for n, s in before.items()}
        os.kill(before[2].pid, signal.SIGKILL)
        slots = fleet.until(lambda slots: slots[2].pid not in {None, before[2].pid} and slots[2].state == "running")
        assert (slots[2].crashes, slots[2].last_exit, slots[1].pid) == (1, "unknown", before[1].pid)
