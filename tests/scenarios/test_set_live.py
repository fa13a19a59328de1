"""What is set while the fleet runs holds at once, is said, outlives consumers and reloads, and can be saved."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sylph_mp.control.protocol import Reload, Set
from sylph_mp.errors import UsageError
from tests.scenarios.fake_fleet import FakeFleet


def set_live(fleet: FakeFleet, setting: str, *options: str) -> str:
    command = [sys.executable, "-m", "sylph_mp", "set", setting, "--socket", fleet.socket, *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def placed(fleet: FakeFleet, topic: str) -> int:
    return sum(shard.startswith(f"{topic}/") for slot in fleet.slots().values() for shard in slot.shards)


def test_set_live(folder: Path) -> None:
    with FakeFleet(folder, least=2, most=2) as fleet:
        pids = {number: slot.pid for number, slot in fleet.until_running(1, 2).items()}
        assert "topics.orders.shards is 8 now" in set_live(fleet, "topics.orders.shards=8")
        fleet.until(lambda _: placed(fleet, "orders") == 8)
        set_live(fleet, "topics.refunds.slots=2")
        fleet.until(
            lambda slots: [shard for shard in slots[2].shards if "refunds" in shard] == ["refunds/0", "refunds/1"]
        )
        set_live(fleet, "consumers.processes=3")
        after = fleet.until_running(1, 2, 3)
        assert {number: after[number].pid for number in pids} == pids

        notes = [note for note in fleet.look().notes if note.code == "set-live"]
        assert [note.text.partition(" since")[0] for note in notes] == [
            "topics.orders.shards is set to 8",
            "topics.refunds.slots is set to 2",
            "consumers.processes is set to 3",
        ]
        assert notes[0].next == "sylph set topics.orders.shards=8 --save"

        os.kill(after[1].pid, signal.SIGKILL)
        fleet.until(lambda slots: slots[1].restarts == 1 and slots[1].state == "running")
        fleet.tell(Reload())
        fleet.until(lambda slots: all(slot.restarts for slot in slots.values()) and len(slots) == 3)
        fleet.until_running(1, 2, 3)
        fleet.until(lambda _: placed(fleet, "orders") == 8)


def test_saved_it_stands_in_the_file_and_is_no_note_any_more(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        fleet.until_running(1, 2)
        file = folder / "config.toml"
        file.write_text(file.read_text().replace("shards = 4", "shards = 4  # as many as queues"))
        assert f"shards = 6 stands in {file}" in set_live(fleet, "topics.orders.shards=6", "--save")
        assert "shards = 6  # as many as queues\n" in file.read_text()
        assert fleet.look().notes == ()
        fleet.until(lambda _: placed(fleet, "orders") == 6)


@pytest.mark.parametrize(
    ("key", "value", "what", "fix"),
    [
        (
            "topics.orders.shards",
            "none",
            "topics.orders.shards: a whole number is due",
            "sylph set topics.orders.shards=1",
        ),
        ("topics.order.shards", "8", "unknown key topics.order.shards", "sylph set topics.orders.shards=…"),
        ("consumers.lease_s", "60", "cannot be set while consumers run", "sylph reload"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(folder: Path, key, value, what, fix) -> None:
    with FakeFleet(folder) as fleet:
        fleet.until_running(1, 2)
        with pytest.raises(UsageError, match=what) as refused:
            fleet.tell(Set(key, value, "root", saved=False))
        assert (refused.value.problems[0].fix or "").startswith(fix)
        assert fleet.look().notes == ()
        assert placed(fleet, "orders") == 4


def test_more_threads_than_there_is_memory_for_replace_the_consumers(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        pids = {slot.pid for slot in fleet.until_running(1, 2).values()}
        assert "replaced one by one" in set_live(fleet, "consumers.threads=5")
        fleet.until(lambda slots: not pids & {slot.pid for slot in slots.values()})
        fleet.until_running(1, 2)
