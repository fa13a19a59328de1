"""A reload replaces the consumers one by one; a wrong file, or code that does not load, leaves all as they are."""

import signal
from pathlib import Path

import pytest

from sylph_mp.control.protocol import Reload
from sylph_mp.errors import UsageError
from tests.scenarios.fake_fleet import FakeFleet


def test_reload(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        first = pids(fleet)
        fleet.configure(min=7)
        with pytest.raises(UsageError, match=r"config.toml:6:\d+: .*min 7 is above max 4.*goes on as it was"):
            fleet.tell(Reload())
        assert pids(fleet) == first

        fleet.configure(min=2, max=5, buffer="2 MiB")
        fleet.signal(signal.SIGHUP)
        fleet.until(lambda _: "replaced: new consumers in slots 1, 2" in fleet.log.read_text())
        second = pids(fleet)
        assert first.isdisjoint(second)
        assert fleet.look().master.processes_max == 5
        assert {slot.crashes for slot in fleet.slots().values()} == {0}

        fleet.behave("refuse")
        fleet.tell(Reload())
        fleet.until(lambda _: "the new consumer failed (refused: app cannot be loaded)" in fleet.log.read_text())
        fleet.behave("")
        fleet.until(lambda slots: slots.keys() == {1, 2})
        assert pids(fleet) == second
        assert {slot.crashes for slot in fleet.slots().values()} == {0}


def pids(fleet: FakeFleet) -> set[int | None]:
    return {slot.pid for slot in fleet.until_running(1, 2).values()}
