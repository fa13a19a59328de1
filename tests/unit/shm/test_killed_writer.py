"""A writer that is killed at any instruction leaves a table that its successor can use."""

import importlib.util
import random
import subprocess
import sys
from pathlib import Path

import pytest

from sylph_mp.shm.arena import Arena
from sylph_mp.shm.handles import read_handle
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Entry, EntryOutcome, EntryState, Table

VICTIM = Path(__file__).with_name("kill_victim.py")


def load_victim():
    spec = importlib.util.spec_from_file_location("kill_victim", VICTIM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


victim = load_victim()


def check(entry: Entry, arena: Arena) -> None:
    """All that a successor needs belongs to one and the same delivery."""
    attempt = entry.attempt
    assert arena.read(entry.frame_at, entry.frame_len) == victim.frame_of(entry.index, attempt)
    assert round(entry.received_s * 1e9) == attempt
    lease_ns = round(entry.lease_s * 1e9)
    assert attempt <= lease_ns < attempt + 4
    if entry.state is EntryState.RUNNING:
        assert (entry.thread, round(entry.started_s * 1e9)) == (attempt % 4, attempt)
    if entry.state is EntryState.DONE:
        assert (entry.outcome, round(entry.after_s * 1e3)) == (EntryOutcome.RETRY, attempt)
    if entry.handle_room:
        handle = read_handle(arena, entry.handle_at, entry.handle_room, entry.handle_which)
        # Killed between the two stores of a renewal, the lease is the shorter one.
        assert handle in {victim.handle_of(entry.index, lease_ns), victim.handle_of(entry.index, lease_ns + 1)}


@pytest.mark.parametrize("seed", range(5))
def test_the_table_is_readable_while_its_writer_lives_and_after_it_is_killed(segment, seed):
    rng = random.Random(seed)
    table, arena = Table(segment), Arena(segment)
    process = subprocess.Popen([sys.executable, VICTIM, segment.name, str(seed)], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"writing\n"
        while not table.scan():
            assert process.poll() is None
        for _ in range(rng.randrange(200)):
            table.scan()
            table.counts()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    left = table.scan()
    assert left
    for entry in left:
        check(entry, arena)
    counts = table.counts()
    assert sum(counts) == len(left)
    assert counts.running <= 1
    successor = Segment.attach(segment.name)
    assert Table(successor).scan() == left
    successor.close()
