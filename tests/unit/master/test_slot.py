"""What lies in a slot is seen whether a consumer is there or not, without looking at an empty one again and again."""

from types import SimpleNamespace

from sylph_mp.master.slot import NOTHING, Slot
from sylph_mp.shm.table import Table


def test_an_empty_slot_stays_empty_until_a_consumer_comes(segment, monkeypatch):
    slot = Slot(3, config=SimpleNamespace(), make=SimpleNamespace, now=0.0)
    slot.segment = segment
    looks = []
    monkeypatch.setattr(Table, "look", lambda table, look=Table.look: looks.append(1) or look(table))
    assert [slot.counts() for _ in range(3)] == [NOTHING] * 3
    assert len(looks) == 1
    slot.occupy(SimpleNamespace(killed_for="", exit_code=0))
    Table(segment).put(0, 0, 1, 0, 0, 0, 0, 0, 0)
    assert (slot.counts().queued, slot.held) == (1, 1)
    slot.vacate()
    assert slot.held == 1
    slot.clear()
    assert slot.held == 0
