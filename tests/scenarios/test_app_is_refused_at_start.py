"""An app that a consumer refuses at the start ends the master with the consumer's exit code and leaves nothing."""

from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet


def test_app_is_refused_at_start(folder: Path) -> None:
    with FakeFleet(folder, behaviour="refuse") as fleet:
        assert fleet.wait() == 78
        assert "app cannot be loaded" in fleet.log.read_text()
        assert fleet.traces() == []
