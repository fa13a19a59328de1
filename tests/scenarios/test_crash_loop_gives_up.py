"""A fleet whose consumers all crash again and again gives up loudly, ends with exit code 70 and leaves nothing."""

from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet


def test_crash_loop_gives_up(folder: Path) -> None:
    with FakeFleet(folder, behaviour="crash") as fleet:
        assert fleet.wait(30) == 70
        log = fleet.log.read_text()
        assert log.count("gave-up: 5 crashes in a row, the last: exit 3") == 2
        assert "every slot is in a crash loop; the last: exit 3" in log
        assert fleet.traces() == []
