"""A stop ends by its deadline even if no consumer does, and leaves no process, shared memory or socket."""

import signal
import time
from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet


def test_stop_by_deadline(folder: Path) -> None:
    with FakeFleet(folder, drain_s=1, behaviour="stubborn") as fleet:
        fleet.until_running(1, 2)
        began = time.monotonic()
        fleet.signal(signal.SIGINT)
        assert fleet.wait() == 0
        assert time.monotonic() - began >= 1.0
        assert fleet.traces() == []
