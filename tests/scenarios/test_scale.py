"""Scaling fills the lowest free slots and drains the highest; shards move at once; limits are told with a remedy."""

import signal
from pathlib import Path

import pytest

from sylph_mp.control.protocol import Scale
from sylph_mp.errors import UsageError
from tests.scenarios.fake_fleet import FakeFleet


def test_scale(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        before = fleet.until_running(1, 2)
        fleet.tell(Scale(4))
        slots = fleet.until_running(1, 2, 3, 4)
        assert sorted(len(slot.shards) for slot in slots.values()) == [1, 1, 2, 2]
        assert {1: before[1].pid, 2: before[2].pid} == {number: slots[number].pid for number in (1, 2)}
        fleet.signal(signal.SIGTTOU)
        fleet.until_running(1, 2, 3)
        fleet.tell(Scale(1))
        slots = fleet.until_running(1)
        assert len(slots[1].shards) == 6
        fleet.signal(signal.SIGTTIN)
        fleet.until_running(1, 2)
        with pytest.raises(UsageError, match=r"more than processes.max = 4 \(.*config.toml:6"):
            fleet.tell(Scale(5))
        with pytest.raises(UsageError, match="1 consumer at least"):
            fleet.tell(Scale(0))
