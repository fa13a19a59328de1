"""A file is replaced as a whole; only what has to outlive a power cut waits for the disk."""

import os

import pytest

from sylph_mp.master import durable_file


@pytest.fixture
def synced(monkeypatch):
    """How often the disk was waited for."""
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    return calls


@pytest.mark.parametrize(("forced", "times"), [(True, 2), (False, 0)])
def test_file_and_folder_are_forced_to_the_disk_or_nothing_is(tmp_path, synced, forced, times):
    path = tmp_path / "folder" / "file"
    durable_file.write(path, [b"one", b"two"], forced=forced)
    assert path.read_bytes() == b"onetwo"
    assert len(synced) == times


@pytest.mark.parametrize("forced", [True, False])
def test_what_cannot_be_written_leaves_the_old_one(tmp_path, forced):
    path = tmp_path / "file"
    durable_file.write(path, [b"old"], forced=forced)

    def parts():
        yield b"new"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        durable_file.write(path, parts(), forced=forced)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
