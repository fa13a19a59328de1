"""How many threads one shard of a topic keeps busy, over whole minutes and across deaths."""

import pytest

from sylph_mp.master.topic_loads import WINDOW_S, TopicLoads
from tests.unit.control.observed import report, topic_report


def told(loads, slot, at, **run_s):
    loads.report(slot, report(at, *(topic_report(name, run_s=value) for name, value in run_s.items())))


def test_time_in_handlers_of_all_slots_by_shard_and_second():
    loads = TopicLoads()
    assert loads.weights({"orders": 2, "refunds": 1}, 100.0) is None
    for second in range(61):
        told(loads, 1, 100.0 + second, orders=1000.0 + 3.0 * second, refunds=0.5 * second)
        told(loads, 2, 100.0 + second, orders=1.0 * second)
    assert loads.weights({"orders": 2, "refunds": 1}, 100.0 + WINDOW_S - 0.1) is None
    weights = loads.weights({"orders": 2, "refunds": 1, "audit": 1}, 100.0 + WINDOW_S)
    assert weights == {"orders": pytest.approx(2.0), "refunds": pytest.approx(0.5), "audit": 0.0}


def test_a_window_begins_with_nothing():
    loads = TopicLoads()
    loads.weights({"orders": 1}, 0.0)
    told(loads, 1, 1.0, orders=0.0)
    told(loads, 1, 2.0, orders=60.0)
    assert loads.weights({"orders": 1}, 60.0) == {"orders": pytest.approx(1.0)}
    assert loads.weights({"orders": 1}, 120.0) == {"orders": 0.0}


def test_a_successor_begins_from_nought_and_takes_nothing_away():
    loads = TopicLoads()
    loads.weights({"orders": 1}, 0.0)
    told(loads, 1, 1.0, orders=500.0)
    told(loads, 1, 2.0, orders=530.0)
    told(loads, 1, 3.0, orders=6.0)
    told(loads, 1, 4.0, orders=30.0)
    assert loads.weights({"orders": 1}, 60.0) == {"orders": pytest.approx(1.0)}


def test_a_topic_that_is_left_out_has_not_moved():
    loads = TopicLoads()
    loads.weights({"orders": 1, "refunds": 1}, 0.0)
    told(loads, 1, 1.0, orders=10.0, refunds=4.0)
    told(loads, 1, 2.0, orders=40.0)
    told(loads, 1, 3.0)
    told(loads, 1, 4.0, orders=70.0, refunds=10.0)
    assert loads.weights({"orders": 1, "refunds": 1}, 60.0) == {
        "orders": pytest.approx(1.0),
        "refunds": pytest.approx(0.1),
    }
