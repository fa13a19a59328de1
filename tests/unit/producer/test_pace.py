"""How much is sent at once follows the answers' times, within its bounds, and says why."""

from sylph_mp.producer.pace import Bounds, Pace

BOUNDS = Bounds(linger_min_s=0.0, linger_max_s=0.02, batch_bytes=4 << 20, in_flight=16)


def test_quick_answers_under_load_let_it_grow_to_its_bounds():
    pace = Pace(BOUNDS, first_in_flight=2)
    for _ in range(500):
        pace.answered(0.01, full=True, more_waits=True)
    assert (pace.in_flight, pace.batch_bytes) == (16, 4 << 20)
    assert pace.linger_s == 0.0025
    assert pace.why == (
        "at most 16 of 16 requests on the wire, of 4,096 KiB, linger 2.5 ms: answers take 10.0 ms, soon is 100.0 ms"
    )


def test_nothing_grows_that_is_not_needed():
    pace = Pace(BOUNDS, first_in_flight=2)
    for _ in range(500):
        pace.answered(0.01, full=False, more_waits=False)
    assert (pace.in_flight, pace.batch_bytes) == (2, 256 << 10)


def test_late_answers_shrink_it():
    pace = Pace(BOUNDS, first_in_flight=16)
    pace.answered(0.01, full=True, more_waits=True)
    for _ in range(100):
        pace.answered(3.0, full=True, more_waits=True)
    assert (pace.in_flight, pace.batch_bytes) == (1, 64 << 10)
    assert pace.linger_s == 0.02


def test_a_far_broker_is_not_a_slow_one():
    pace = Pace(BOUNDS, first_in_flight=2)
    for _ in range(500):
        pace.answered(0.15, full=False, more_waits=True)
    assert pace.in_flight == 16


def test_refusals_halve_it_and_are_named():
    pace = Pace(BOUNDS, first_in_flight=16)
    pace.refused("42900: slow down")
    assert pace.in_flight == 8
    assert pace.why.endswith("halved after: 42900: slow down")
