"""A death for a stuck call is a crash, is blamed on that call alone, and never gives a slot up."""

from sylph_mp.master.restarts import Restart
from sylph_mp.master.suspicion import Ran, blame
from tests.unit.master.test_fleet import config, fleet_of


def test_however_often_calls_are_stuck_the_slot_is_filled_again_at_once():
    fleet, _ = fleet_of(1, config(orders=1))
    slot = fleet.slots[1]
    slot.child = None
    for now in range(10):
        assert slot.replace_stuck(float(now)) == Restart(at=float(now))
        assert slot.is_due(float(now))
    assert slot.crashes == 10


def ran(index: int) -> Ran:
    return Ran(index=index, thread=None, strikes=0, limit=2, suspect=False)


def test_of_async_calls_the_stuck_one_is_blamed_and_the_others_are_not():
    stuck, bystander = blame([ran(7), ran(8)], guilty_thread=None, guilty_entries=(7,))
    assert (stuck.strikes, stuck.suspect) == (1, True)
    assert (bystander.strikes, bystander.suspect) == (0, False)
