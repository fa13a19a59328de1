"""When the master is killed its consumers end by themselves, and the next master clears away all that it left."""

import os
import signal
from pathlib import Path

from sylph_mp.shm.segment import SHM_FOLDER, segment_name, segment_prefix
from tests.scenarios.fake_fleet import FakeFleet


def test_after_the_masters_death(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        fleet.until_running(1, 2)
        fleet.signal(signal.SIGKILL)
        assert fleet.wait() == -signal.SIGKILL
        fleet.until_no_processes()
        left = segment_name(segment_prefix(fleet.socket), 4)
        assert left in os.listdir(SHM_FOLDER)
        assert os.path.exists(fleet.socket)
        fleet.configure(max=3)
        fleet.start()
        fleet.until_running(1, 2)
        assert left not in os.listdir(SHM_FOLDER)
        fleet.signal(signal.SIGTERM)
        assert fleet.wait() == 0
        assert fleet.traces() == []
