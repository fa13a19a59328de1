"""TERM lets consumers drain, a second one kills those that are still there; what they held is counted as left."""

import signal
from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet


def test_second_signal_kills(folder: Path) -> None:
    with FakeFleet(folder, drain_s=60, behaviour="stubborn") as fleet:
        fleet.until_running(1, 2)
        fleet.signal(signal.SIGTERM)
        fleet.until(lambda slots: {slot.state for slot in slots.values()} == {"draining"})
        fleet.signal(signal.SIGTERM)
        assert fleet.wait() == 0
        assert "stopped in" in fleet.log.read_text()
        assert fleet.traces() == []
