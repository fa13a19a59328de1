"""Strikes outlive every process, are known to all at once, and are bounded."""

from pathlib import Path

import pytest

from sylph_mp.master import strikes
from sylph_mp.master.strikes import Strikes

DAY_S = 86400.0


def test_strikes_are_counted_across_masters(tmp_path: Path) -> None:
    assert Strikes(tmp_path).add("01D2", 100.0) == 1
    assert Strikes(tmp_path).add("01D2", 101.0) == 2
    assert Strikes(tmp_path).add("a/b %", 101.0) == 1

    assert Strikes(tmp_path).all() == {"01D2": 2, "a/b %": 1}
    assert Strikes(tmp_path).of("01D3") == 0


def test_what_one_process_clears_another_knows_at_once(tmp_path: Path) -> None:
    master, command = Strikes(tmp_path), Strikes(tmp_path)
    master.add("01D2", 100.0)

    command.clear("01D2")
    command.clear("01D2")

    assert master.of("01D2") == 0


def test_the_oldest_are_forgotten_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strikes, "MAX_MESSAGES", 3)
    store = Strikes(tmp_path)
    for number in range(1, 6):
        store.add(f"message-{number}", 100.0 + number)

    assert store.all() == {"message-3": 1, "message-4": 1, "message-5": 1}


def test_after_a_week_a_strike_is_forgotten(tmp_path: Path) -> None:
    store = Strikes(tmp_path)
    store.add("old", 100.0)
    store.add("young", 100.0 + 2 * DAY_S)
    store.add("new", 101.0 + 7 * DAY_S)

    assert store.all() == {"young": 1, "new": 1}


def test_a_file_that_a_power_cut_left_empty_counts_as_none(tmp_path: Path) -> None:
    store = Strikes(tmp_path)
    store.add("01D2", 100.0)
    (tmp_path / "strikes" / "01D2.strikes").write_bytes(b"")

    assert store.all() == {}
    assert store.add("01D2", 101.0) == 1


def test_a_disk_that_fails_costs_the_strike_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "strikes").write_text("a file in its way")
    store = Strikes(tmp_path)

    assert store.add("01D2", 100.0) == 1
    assert store.of("01D2") == 0
    store.clear("01D2")
    assert {record.sylph_event for record in caplog.records} == {"strike-lost", "strike-kept"}
