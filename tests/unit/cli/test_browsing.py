"""What the keys of `sylph top` do."""

import pytest
from msgspec.structs import replace

from sylph_mp.cli.screens.browsing import Browsing, Leave
from sylph_mp.control.protocol import Kill, Quiet, Recycle, Start
from sylph_mp.control.status import Snapshot
from sylph_mp.control.target import Slot, Topic
from tests.unit.cli.snapshots import degraded, healthy

LOST = Snapshot(at="2026-03-14T14:06:31.000Z", verdict="no-master", sentence="nothing listens here", next="sylph run")


@pytest.fixture
def browsing():
    found = Browsing(by="root")
    found.see(healthy())
    return found


def press(browsing, *keys):
    return [browsing.press(key) for key in keys][-1]


def names(browsing):
    return [topic.topic for topic in browsing.topics()], [slot.slot for slot in browsing.slots()]


def test_rows_are_walked_through_from_topics_to_slots_and_no_further(browsing):
    assert browsing.selected == Topic("orders")
    press(browsing, "k")
    assert browsing.selected == Topic("orders")
    press(browsing, "j", "down", "j")
    assert browsing.selected == Slot(1)
    press(browsing, *["j"] * 10)
    assert browsing.selected == Slot(4)
    press(browsing, "up")
    assert browsing.selected == Slot(3)


@pytest.mark.parametrize(
    ("key", "verb"),
    [("Q", Quiet(Topic("orders"), "root")), ("S", Start(Topic("orders"), "root")), ("R", Recycle(Topic("orders")))],
)
def test_upper_case_acts_on_the_row(browsing, key, verb):
    assert press(browsing, key) == verb


def test_a_kill_asks_for_the_slots_number(browsing):
    assert press(browsing, "j", "j", "j", "K") is None
    assert press(browsing, "2", "enter") is None
    assert browsing.answer == "nothing is killed: that is another number"
    assert press(browsing, "K", "3", "backspace", "1", "enter") == Kill(Slot(1))


def test_a_kill_is_called_off(browsing):
    press(browsing, "j", "j", "j", "K", "1", "escape")
    assert press(browsing, "enter") is None
    assert browsing.opened


def test_a_topic_cannot_be_killed(browsing):
    assert press(browsing, "K", "1", "enter") is None
    assert browsing.typing is None


def test_an_answer_stays_until_the_next_key(browsing):
    browsing.answer = "orders takes no new deliveries"
    browsing.see(healthy())
    assert browsing.answer
    press(browsing, "j")
    assert browsing.answer == ""


def test_a_filter_shows_what_has_the_text_and_escape_shows_all(browsing):
    press(browsing, "/", *"reF")
    assert names(browsing) == (["refunds"], [1, 3])
    assert browsing.selected == Topic("refunds")
    press(browsing, "enter", "j")
    assert browsing.selected == Slot(1)
    press(browsing, "/", "backspace", "backspace", "backspace", *"quiet")
    assert names(browsing) == ([], [])
    assert browsing.selected is None
    assert press(browsing, "Q") is None
    press(browsing, "escape")
    assert len(names(browsing)[1]) == 4


def test_a_key_typed_into_a_filter_does_nothing_else(browsing):
    assert press(browsing, "/", "Q", "q") is None
    assert browsing.filter == "Qq"


def test_sorting_goes_round(browsing):
    assert names(browsing)[1] == [1, 2, 3, 4]
    press(browsing, "s")
    assert browsing.sort == "rate"
    assert names(browsing) == (["orders", "receipts", "refunds"], [1, 4, 2, 3])
    press(browsing, "s", "s")
    assert (browsing.sort, names(browsing)[1][0]) == ("in flight", 1)
    press(browsing, "s")
    assert browsing.sort == "worst first"


def test_the_worst_comes_first():
    browsing = Browsing(by="root")
    browsing.see(degraded())
    assert names(browsing)[1][:2] == [3, 2]


def test_frozen_is_the_screen(browsing):
    press(browsing, "p")
    browsing.see(degraded())
    assert browsing.snapshot == healthy()
    press(browsing, "p")
    browsing.see(degraded())
    assert browsing.snapshot == degraded()


def test_a_lost_master_leaves_the_last_screen_with_its_time(browsing):
    browsing.see(LOST)
    browsing.see(replace(LOST, at="2026-03-14T14:06:32.000Z"))
    assert (browsing.snapshot, browsing.lost_since, browsing.lost_why) == (healthy(), LOST.at, "no master")
    browsing.see(degraded())
    assert browsing.lost_since is None


def test_a_row_that_is_gone_is_not_selected_any_more(browsing):
    press(browsing, "j", "j", "j", "j", "enter")
    assert (browsing.selected, browsing.opened) == (Slot(2), True)
    browsing.see(replace(healthy(), slots=healthy().slots[:1]))
    assert (browsing.selected, browsing.opened) == (Topic("orders"), False)


def test_q_leaves(browsing):
    assert press(browsing, "q") == Leave()
