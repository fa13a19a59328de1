"""A clean stop adds up what every consumer settled and handed back, and says so to whoever asked for it."""

from pathlib import Path

from sylph_mp.control.client import stop
from tests.scenarios.fake_consumer import HELD
from tests.scenarios.fake_fleet import FakeFleet


def test_stop_counts(folder: Path) -> None:
    with FakeFleet(folder, behaviour="holding") as fleet:
        fleet.until_running(1, 2)
        last = stop(fleet.socket, told=lambda _: None)
        assert last.exit_code == fleet.wait() == 0
        assert f"4 settled, {2 * HELD} handed back, 0 left to their lease" in last.text
        assert "settled=4 handed_back=20 left=0" in fleet.log.read_text()
        assert fleet.traces() == []
