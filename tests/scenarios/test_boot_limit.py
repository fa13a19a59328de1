"""A consumer whose app is not loaded within its limit is killed and replaced."""

from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet


def test_boot_limit(folder: Path) -> None:
    with FakeFleet(folder, least=1, boot_s=1, behaviour="silent") as fleet:
        fleet.until(lambda _: (folder / "silent").exists())
        fleet.behave("")
        slots = fleet.until_running(1)
        assert (slots[1].crashes, slots[1].last_exit) == (1, "killed by the master: app not loaded after 1 s")
