import errno
import os
import signal
import subprocess
import sys

import pytest

from sylph_mp.errors import ResourceError
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import (
    Segment,
    SegmentError,
    available_bytes,
    clear_left_over,
    needed_bytes,
    require,
    segment_name,
)
from sylph_mp.shm.table import Table
from sylph_mp.shm.vitals import VitalsWriter

MIB = 1 << 20


def statvfs_of(size: int, free: int):
    return lambda path: os.statvfs_result((4096, 4096, size // 4096, free // 4096, free // 4096, 9, 9, 9, 0, 255))


def run_python(code: str, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-c", code, *arguments], check=False).returncode


def test_an_attached_segment_is_the_created_one(segment, geometry):
    seen = Segment.attach(segment.name)
    Arena(segment).write(100, b"frame")

    assert (seen.name, seen.slot, seen.geometry, seen.master_pid) == (segment.name, 1, geometry, os.getpid())
    assert Arena(seen).read(100, 5) == b"frame"
    seen.close()


def test_all_of_its_memory_is_allocated_at_creation(segment, geometry):
    status = os.stat(f"/dev/shm/{segment.name}")
    assert status.st_size == needed_bytes(geometry)
    assert status.st_blocks * 512 >= status.st_size


def test_others_may_not_look(segment):
    assert os.stat(f"/dev/shm/{segment.name}").st_mode & 0o777 == 0o600


def test_an_observers_exit_destroys_nothing(segment, left):
    """cpython#104291"""
    code = "import sys; from sylph_mp.shm.segment import Segment; Segment.attach(sys.argv[1])"
    assert run_python(code, segment.name) == 0
    assert left() == [segment.name]


def test_close_releases_all_windows_of_its_parts(segment):
    attached = Segment.attach(segment.name)
    table, arena, _ = Table(attached), Arena(attached), VitalsWriter(attached)
    attached.close()

    with pytest.raises(ValueError, match="released memoryview"):
        table.free(0)
    with pytest.raises(ValueError, match="released memoryview"):
        arena.write(0, b"x")


def test_parts_made_again_and_again_hold_no_more_windows(segment):
    windows = {id(Table(segment)._heads) for _ in range(10)}
    assert len(windows) == 1


def test_unlinked_it_is_gone_and_can_still_be_used(segment, left):
    segment.unlink()
    assert left() == []
    Arena(segment).write(0, b"still there")
    assert Arena(segment).read(0, 11) == b"still there"


def test_no_segment(prefix):
    with pytest.raises(SegmentError, match=f"segment {prefix}7: No such file"):
        Segment.attach(segment_name(prefix, 7))


@pytest.mark.parametrize("content", [b"", b"short", b"sylphseg" + bytes(200), bytes(8192)])
def test_what_is_no_segment_is_not_attached(prefix, tmp_path, content):
    path = f"/dev/shm/{prefix}1"
    with open(path, "wb") as file:
        file.write(content)
    try:
        with pytest.raises(SegmentError, match=f"segment {prefix}1: "):
            Segment.attach(f"{prefix}1")
    finally:
        os.unlink(path)


def test_a_segment_that_was_cut_is_not_attached(segment):
    os.truncate(f"/dev/shm/{segment.name}", 65536)
    with pytest.raises(SegmentError, match="it has 65536 bytes, its header says"):
        Segment.attach(segment.name)


def test_a_name_in_use_is_refused_with_the_remedy(segment, geometry):
    with pytest.raises(ResourceError) as raised:
        Segment.create(segment.name, slot=1, geometry=geometry, master_pid=1)
    (problem,) = raised.value.problems
    assert problem.place == f"/dev/shm/{segment.name}"
    assert problem.fix == "give this master its own control.socket, or remove the file as its owner"
    Segment.attach(segment.name).close()


def test_too_small_for_all_slots_names_both_remedies(monkeypatch):
    monkeypatch.setattr(os, "statvfs", statvfs_of(size=64 * MIB, free=64 * MIB))
    with pytest.raises(ResourceError) as raised:
        require(4 * 19_189_760, 4, buffer=16 * MIB, place="config.toml:11")
    (problem,) = raised.value.problems
    assert problem.place == "/dev/shm"
    assert problem.what == "4 slots need 73.2 MiB of shared memory, 64.0 MiB are there"
    assert problem.why == "reserved at start, so that it cannot run out later and kill consumers"
    assert problem.fix == 'docker run --shm-size=128m; or buffer = "13 MiB" (config.toml:11)'
    assert raised.value.exit_code == 71


def test_both_remedies_are_enough(monkeypatch):
    geometry = Geometry(topics=("a",), entries=1024, threads=8, arena_bytes=16 * MIB)
    total = 5 * needed_bytes(geometry)
    monkeypatch.setattr(os, "statvfs", statvfs_of(size=64 * MIB, free=40 * MIB))
    with pytest.raises(ResourceError) as raised:
        require(total, 5, buffer=16 * MIB)
    assert raised.value.problems[0].fix == 'docker run --shm-size=128m; or buffer = "5 MiB"'

    smaller = Geometry(topics=("a",), entries=1024, threads=8, arena_bytes=5 * MIB)
    require(5 * needed_bytes(smaller), 5, buffer=5 * MIB)
    monkeypatch.setattr(os, "statvfs", statvfs_of(size=128 * MIB, free=104 * MIB))
    require(total, 5, buffer=16 * MIB)


def test_where_no_buffer_would_fit_fewer_processes_are_the_remedy(monkeypatch):
    monkeypatch.setattr(os, "statvfs", statvfs_of(size=4 * MIB, free=4 * MIB))
    with pytest.raises(ResourceError) as raised:
        require(8 * 17 * MIB, 8, buffer=16 * MIB)
    assert raised.value.problems[0].fix == "docker run --shm-size=256m; or fewer consumers.processes"


def test_a_file_system_without_a_limit_has_room(monkeypatch):
    monkeypatch.setattr(os, "statvfs", statvfs_of(size=0, free=0))
    require(1 << 40, 4, buffer=16 * MIB)
    assert available_bytes() > 1 << 40


def test_memory_that_runs_out_while_it_is_taken_leaves_nothing(prefix, geometry, monkeypatch, left):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ResourceError, match=r"1 slot needs 3\.2 MiB of shared memory"):
        Segment.create(segment_name(prefix, 1), slot=1, geometry=geometry, master_pid=1)
    assert left() == []


MASTER = """
import os, signal, sys
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment, segment_name
geometry = Geometry(topics=("a",), entries=1, threads=1, arena_bytes=4096)
kept = [Segment.create(segment_name(sys.argv[1], slot), slot=slot, geometry=geometry, master_pid=os.getpid())
        for slot in (1, 2, 10)]
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_master_left_is_cleared(prefix, left):
    assert run_python(MASTER, prefix) == -signal.SIGKILL
    assert left() == [f"{prefix}1", f"{prefix}10", f"{prefix}2"]

    assert clear_left_over(prefix) == [f"{prefix}1", f"{prefix}10", f"{prefix}2"]
    assert left() == []


def test_what_it_had_not_finished_is_cleared_too(prefix, left):
    open(f"/dev/shm/{prefix}1", "wb").close()
    assert clear_left_over(prefix) == [f"{prefix}1"]
    assert left() == []


def test_a_consumer_that_outlives_its_master_keeps_none_from_being_cleared(prefix):
    assert run_python(MASTER, prefix) == -signal.SIGKILL
    orphan = Segment.attach(segment_name(prefix, 2))
    assert f"{prefix}2" in clear_left_over(prefix)
    Arena(orphan).write(0, b"drains on")
    orphan.close()


def test_segments_of_a_live_master_stay(segment, prefix, left):
    code = "import sys; from sylph_mp.shm.segment import clear_left_over; sys.exit(len(clear_left_over(sys.argv[1])))"
    assert run_python(code, prefix) == 0
    assert clear_left_over(prefix) == []
    assert left() == [segment.name]


def test_only_names_of_the_prefix_are_cleared(prefix, left):
    assert clear_left_over(prefix.replace("sylph-", "sylph-other-")) == []
    open(f"/dev/shm/{prefix}1.bak", "wb").close()
    try:
        assert clear_left_over(prefix) == []
    finally:
        os.unlink(f"/dev/shm/{prefix}1.bak")
