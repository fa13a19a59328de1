"""A consumer that is killed is replaced at once in its slot, and its totals do not fall."""

import os
import signal
from pathlib import Path

from tests.scenarios.fake_consumer import HELD
from tests.scenarios.fake_fleet import FakeFleet


def test_restart_after_kill(folder: Path) -> None:
    with FakeFleet(folder, behaviour="holding") as fleet:
        before = fleet.until_running(1, 2)
        fleet.until(lambda slots: slots[1].received == HELD - 1)
        os.kill(before[1].pid, signal.SIGKILL)
        after = fleet.until(lambda slots: slots[1].pid not in {None, before[1].pid} and slots[1].state == "running")
        assert (after[1].restarts, after[1].crashes, after[1].last_exit) == (1, 1, "SIGKILL (exit -9)")
        assert after[2].pid == before[2].pid
        # The first one had counted one more than it could report; its successor counts on from there.
        assert after[1].received >= HELD
        assert f", {HELD} in flight" in fleet.log.read_text()
