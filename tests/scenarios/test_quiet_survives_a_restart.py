"""What somebody made quiet gets no shards, tells who did it, and stays quiet when its consumer is replaced."""

import os
import signal
from pathlib import Path

from sylph_mp.control.protocol import Quiet, Recycle, Start
from sylph_mp.control.target import Fleet, Slot, Topic
from tests.scenarios.fake_fleet import FakeFleet


def test_quiet_survives_a_restart(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        fleet.until_running(1, 2)
        fleet.tell(Quiet(Topic("orders"), by="ops"))
        fleet.tell(Quiet(Slot(1), by="ops"))
        slots = fleet.until(lambda slots: slots[2].shards == ("refunds/0", "refunds/1"))
        assert (slots[1].state, slots[1].shards) == ("quiet", ())
        assert any("orders is quiet since" in note.text and "by ops" in note.text for note in fleet.look().notes)

        os.kill(slots[1].pid, signal.SIGKILL)
        fleet.tell(Recycle(Slot(2)))
        after = fleet.until(
            lambda now: all(now[n].pid not in {None, slots[n].pid} for n in slots) and now[2].state == "running"
        )
        after = fleet.until(lambda now: (now[1].state, len(now[2].shards)) == ("quiet", 2))
        assert (after[1].crashes, after[2].crashes) == (1, 0)

        fleet.tell(Start(Fleet(), by="ops"))
        slots = fleet.until_running(1, 2)
        assert len(slots[1].shards) == len(slots[2].shards) == 3
