"""Consumers that share a rate by what each of them sees start, over time, just what it gives."""

import os
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sylph_mp.shm.rates import RateBoard, RateTaker

MS = 1_000_000
#: As the master looks, and a consumer at the latest while it waits.
LOOK_MS = 100


@pytest.fixture(scope="module")
def memory():
    board = RateBoard.create(f"sylph-rates-{os.getpid()}-{uuid.uuid4().hex[:6]}", topics=1)
    takers = [RateTaker.attach(board.name, slot=slot) for slot in range(1, 9)]
    yield board, takers
    for taker in takers:
        taker.close()
    board.close()


def start(takers, now, size):
    """All of them see the same moment, which is the worst; each starts calls of `size` messages while it may."""
    started = 0
    for taker, available in [(taker, taker.available(0, now)) for taker in takers]:
        calls = int((available - 1) // size) + 1 if available >= 1 else 0
        taker.take(0, calls * size)
        started += calls * size
    return started


@settings(max_examples=40, deadline=None)
@given(
    rates=st.lists(st.integers(20, 2000), min_size=1, max_size=4),
    processes=st.integers(1, 8),
    waits=st.lists(st.integers(1, 30), min_size=100, max_size=300),
    size=st.sampled_from([1, 7]),
)
def test_busy_consumers_start_what_the_rate_gives(memory, rates, processes, waits, size):
    board, takers = memory
    board.limit(0, 0, 0)
    now, granted, started = 0, 0.0, 0
    for place, wait in enumerate(waits):
        rate = rates[place * len(rates) // len(waits)]
        board.limit(0, rate, now)
        now += wait * MS
        granted += rate * wait / 1000
        board.forfeit(0, rate * LOOK_MS / 1000, now)
        started += start(takers[:processes], now, size)
    ahead = processes * (max(rates) * max(waits) / 1000 + size)
    assert granted - 1 <= started <= granted + ahead
    assert takers[0].available(0, now) < 1


@given(rate=st.integers(1, 1000), burst=st.integers(1, 1000), pause_s=st.integers(1, 3600))
def test_a_pause_is_not_made_up_for(memory, rate, burst, pause_s):
    board, takers = memory
    board.limit(0, 0, 0)
    board.limit(0, rate, 0)
    for second in range(0, pause_s, max(1, pause_s // 10)):
        board.forfeit(0, burst, second * 1000 * MS)
    board.forfeit(0, burst, pause_s * 1000 * MS)
    assert start(takers[:1], pause_s * 1000 * MS, 1) <= max(burst, 1)
