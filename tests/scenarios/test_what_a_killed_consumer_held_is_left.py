"""What a consumer held that had to be killed in a stop is counted as left to its lease, and the exit code is 1."""

import os
import signal
from pathlib import Path

from tests.scenarios.fake_consumer import HELD
from tests.scenarios.fake_fleet import FakeFleet


def test_what_a_killed_consumer_held_is_left(folder: Path) -> None:
    with FakeFleet(folder, least=1, drain_s=1, behaviour="holding") as fleet:
        slots = fleet.until_running(1)
        os.kill(slots[1].pid, signal.SIGSTOP)
        fleet.signal(signal.SIGTERM)
        assert fleet.wait() == 1
        assert f"0 settled, 0 handed back, {HELD} left to their lease" in fleet.log.read_text()
        assert fleet.traces() == []
