"""A slot that gave up is left alone while the others go on with its shards, until somebody starts it again."""

import os
import re
import signal
from pathlib import Path

from sylph_mp.control.protocol import Start
from sylph_mp.control.target import Slot
from tests.scenarios.fake_fleet import FakeFleet


def test_one_slot_gives_up(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        slots = fleet.until_running(1, 2)
        assert sorted(slots[1].shards + slots[2].shards) == [
            *(f"orders/{n}" for n in range(4)),
            "refunds/0",
            "refunds/1",
        ]
        fleet.behave("crash")
        os.kill(slots[1].pid, signal.SIGKILL)
        slots = fleet.until(lambda slots: slots[1].state == "gave-up")
        assert (slots[1].crashes, len(slots[2].shards)) == (5, 6)
        look = fleet.look()
        assert (look.verdict, look.next) == ("degraded", "sylph crashes show")
        assert re.fullmatch(
            r"slot 1 gave up after 5 crashes in \d+ s, the last: .*; its shards moved to slot 2", look.sentence
        )
        fleet.behave("")
        fleet.tell(Start(Slot(1), by="test"))
        slots = fleet.until_running(1, 2)
        assert len(slots[1].shards) == len(slots[2].shards) == 3
