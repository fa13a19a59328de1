"""The bars of `sylph top`."""

from msgspec.structs import replace

from sylph_mp.cli.screens.sparkline import sparkline
from sylph_mp.cli.trends import BARS, LOOKS_PER_BAR, Trends
from sylph_mp.control.status import Snapshot
from tests.unit.cli.snapshots import healthy, slot, topic


def test_bars_reach_from_zero_to_the_largest():
    assert sparkline([0, 3.5, 7], 3) == "▁▅█"
    assert sparkline([5.0, 5.0], 4) == "  ██"
    assert sparkline([0.0, 0.0], 2) == "▁▁"
    assert sparkline([0.5], 1, most=1.0) == "▅"


def test_what_is_unknown_is_a_gap():
    assert sparkline([1.0, None, 1.0], 3) == "█ █"
    assert sparkline([], 3) == "   "


def test_only_the_newest_bars_are_seen():
    assert sparkline([8.0, 1.0, 1.0], 2) == "██"


def fleet(rate):
    return replace(healthy(), topics=(topic("orders", rate_per_s=rate), topic("refunds", rate_per_s=None)), slots=())


def test_a_bar_is_the_mean_of_some_looks():
    trends = Trends()
    for rate in (1.0, 2.0, 3.0, 4.0, 5.0, 7.0, None, 9.0):
        trends.add(fleet(rate))
    assert LOOKS_PER_BAR == 4
    assert trends.rates() == [2.5, 7.0]
    assert trends.topic_rates("orders") == [2.5, 7.0]
    assert trends.topic_rates("refunds") == [None, None]


def test_a_lost_master_is_a_gap():
    trends = Trends()
    for _ in range(LOOKS_PER_BAR):
        trends.add(Snapshot(at="2026-03-14T14:06:31.000Z", verdict="no-master", sentence=""))
    trends.add(fleet(2.0))
    assert trends.rates() == [None, 2.0]


def test_a_minute_is_kept():
    trends = Trends()
    for _ in range(1000):
        trends.add(fleet(1.0))
    assert len(trends.rates()) == BARS


def test_busy_is_of_all_threads():
    trends = Trends()
    slots = (
        slot(1, threads=1, busy_ratio=1.0),
        slot(2, threads=3, busy_ratio=0.0),
        slot(3, threads=None, busy_ratio=None),
    )
    trends.add(replace(healthy(), slots=slots))
    assert trends.newest.busy_ratio == 0.25
    assert trends.newest.running == 3
