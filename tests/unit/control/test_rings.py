import pytest

from sylph_mp.control.rings import SECONDS, CountWindow, Seconds


def test_what_came_about_evenly_is_spread_evenly():
    ring = Seconds(100.0)
    ring.spread(10.0, 100.5, 102.5)
    assert [ring.total(1, second) for second in (100, 101, 102)] == [2.5, 5.0, 2.5]


def test_reports_that_drift_do_not_make_a_steady_rate_jump():
    ring = Seconds(100.0)
    at = 100.0
    for _ in range(40):
        ring.spread(103.0, at, at + 1.03)
        at += 1.03
    assert [ring.mean(10, last) for last in range(110, 139)] == pytest.approx([100.0] * 29)


def test_a_mean_at_the_start_is_over_the_whole_seconds_there_were():
    ring = Seconds(100.4)
    ring.spread(360.0, 100.4, 104.0)
    assert ring.mean(10, 100) is None
    assert ring.mean(10, 103) == pytest.approx(100.0)


def test_a_long_gap_leaves_nothing_of_before():
    ring = Seconds(0.0)
    ring.spread(5.0, 1.0, 2.0)
    ring.spread(7.0, 5.0 * SECONDS, 5.0 * SECONDS + 1)
    assert ring.total(SECONDS, 5 * SECONDS + 1) == 7.0


def test_what_is_older_than_the_ring_is_not_put_into_a_newer_second():
    ring = Seconds(0.0)
    ring.spread(1.0, 2000.0, 2001.0)
    ring.spread(50.0, 10.0, 11.0)
    assert ring.total(SECONDS, 2001) == 1.0


def test_a_stop_longer_than_the_ring_keeps_what_fell_into_it():
    ring = Seconds(0.0)
    ring.spread(2000.0, 0.5, 2000.5)
    assert ring.total(SECONDS, 2000) == pytest.approx(2000.0)


def window(**changed):
    return CountWindow(**{"parts": 3, "part_s": 10.0, "keys": 2, "rest": "others"} | changed)


def test_counts_leave_the_window_part_by_part():
    counts = window()
    counts.add({"a": 1}, 5.0)
    counts.add({"a": 2}, 15.0)
    assert counts.merged(25.0) == {"a": 3}
    assert counts.merged(35.0) == {"a": 2}
    assert counts.merged(45.0) == {}


def test_too_many_keys_are_counted_together():
    counts = window()
    counts.add({"a": 1, "b": 1, "c": 4, "d": 5}, 5.0)
    assert counts.merged(5.0) == {"a": 1, "b": 1, "others": 9}
