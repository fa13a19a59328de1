"""A second master on the same control socket is refused with exit code 71, and the first goes on undisturbed."""

from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet


def test_second_master_is_refused(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        before = fleet.until_running(1, 2)
        first = fleet.process
        fleet.start()
        assert fleet.wait() == 71
        fleet.process = first
        assert f"master {first.pid} listens on" in fleet.log.read_text()
        after = fleet.until_running(1, 2)
        assert {slot.pid for slot in after.values()} == {slot.pid for slot in before.values()}
