"""What consumers that share a rate may start."""

import os
import uuid

import pytest

from sylph_mp.shm import memory_file
from sylph_mp.shm.rates import RateBoard, RateTaker, needed_bytes
from sylph_mp.shm.segment import SegmentError

S = 1_000_000_000


@pytest.fixture
def board():
    made = RateBoard.create(f"sylph-rates-{os.getpid()}-{uuid.uuid4().hex[:6]}", topics=3)
    yield made
    made.close()


@pytest.fixture
def takers(board):
    both = [RateTaker.attach(board.name, slot=slot) for slot in (1, 256)]
    yield both
    for taker in both:
        taker.close()


def test_nothing_is_limited_at_first(takers):
    assert not takers[0].any_limited
    assert takers[0].rate_per_s(2) == 0


def test_what_one_takes_the_other_does_not_have(board, takers):
    one, other = takers
    board.limit(1, 200.0, 0)
    assert (other.any_limited, other.rate_per_s(1), other.rate_per_s(0)) == (True, 200.0, 0.0)
    assert other.available(1, S) == 200
    one.take(1, 150)
    assert other.available(1, S) == 50
    other.take(1, 60)
    assert one.available(1, S) == -10
    assert one.available(1, 2 * S) == 190


def test_a_changed_rate_counts_from_then_on(board, takers):
    board.limit(0, 200.0, 0)
    takers[0].take(0, 200)
    board.limit(0, 500.0, S)
    assert takers[0].available(0, S) == 0
    assert takers[0].available(0, 2 * S) == 500
    board.limit(0, 0.0, 2 * S)
    assert not takers[0].any_limited


def test_what_was_started_without_a_limit_is_not_owed(board, takers):
    takers[0].take(0, 1_000_000)
    board.limit(0, 10.0, S)
    assert takers[0].available(0, 2 * S) == 10


def test_a_pause_leaves_no_more_than_the_burst(board, takers):
    board.limit(0, 100.0, 0)
    board.forfeit(0, 10.0, 5 * S)
    assert takers[0].available(0, 5 * S) == 10
    board.forfeit(0, 10.0, 5 * S + S // 100)
    assert takers[0].available(0, 5 * S + S // 100) == 10


def test_what_is_owed_stays_owed(board, takers):
    board.limit(0, 100.0, 0)
    takers[0].take(0, 150)
    board.forfeit(0, 10.0, S)
    assert takers[0].available(0, S) == -50


def test_a_successor_goes_on_where_the_dead_one_was(board):
    for _ in range(2):
        taker = RateTaker.attach(board.name, slot=4)
        taker.take(0, 5)
        taker.close()
    board.limit(1, 1.0, 0)
    last = RateTaker.attach(board.name, slot=4)
    assert last.available(0, 0) == -10
    last.close()


def test_its_memory_is_all_there_and_goes_with_the_board(board):
    status = os.stat(memory_file.path(board.name))
    assert status.st_size == needed_bytes(3)
    assert status.st_blocks * 512 >= status.st_size


def test_there_is_none(tmp_path):
    with pytest.raises(SegmentError, match="No such file"):
        RateTaker.attach("sylph-rates-nobody", slot=1)


def test_what_is_none(board):
    name = f"{board.name}-other"
    lock, mapping = memory_file.create(name, 4096)
    try:
        with pytest.raises(SegmentError, match="another version"):
            RateTaker.attach(name, slot=1)
    finally:
        mapping.close()
        os.close(lock)
        memory_file.remove(name)
