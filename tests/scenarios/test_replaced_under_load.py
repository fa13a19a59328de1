"""The only consumer is replaced while messages come: another one runs its shards from before it drains until after."""

import time

import pytest

from sylph_mp.control.protocol import Recycle, Reload
from sylph_mp.control.target import Slot
from tests.scenarios.real_fleet import RealFleet, assert_each_once, assert_ordered, flow, group_of

PER_S = 60
SECONDS = 5
SHARDS = 4
LIMIT_S = 60.0


def run_by_nobody(fleet):
    """Shards that no ready consumer runs just now; and whether one stands in for another."""
    slots = fleet.look().slots
    run = [shard for slot in slots if slot.state == "running" for shard in slot.shards]
    return SHARDS - len(set(run)), any(slot.stands_in_for == 1 and slot.shards for slot in slots)


def replace(fleet, verb):
    """Carry it out, and watch until the successor runs alone; returns what was seen on the way."""
    before = fleet.consumers()
    fleet.tell(verb)
    gaps, stood_in, end = [], False, time.monotonic() + LIMIT_S
    while [slot.state for slot in fleet.look().slots] != ["running"] or fleet.consumers() == before:
        assert time.monotonic() < end, f"not replaced within {LIMIT_S:.0f} s\n{fleet.log.read_text()}"
        gap, standing_in = run_by_nobody(fleet)
        gaps.append(gap)
        stood_in = stood_in or standing_in
        time.sleep(0.005)
    return max(gaps), stood_in


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["NORMAL", "FIFO"])
def test_replaced_under_load(broker, folder, kind):
    grouped = group_of if kind == "FIFO" else None
    topic, group = broker.topic(kind, SHARDS), broker.group(fifo=kind == "FIFO")
    texts = [f"g{number % 20}-{number // 20}" for number in range(PER_S * SECONDS)]
    fleet = RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        threads=4,
        shards=SHARDS,
        work="time.sleep(0.02)",
    )
    with fleet:
        fleet.until_running(1, 60)
        with flow(broker.endpoint, topic, texts, per_s=PER_S, group_of=grouped):
            time.sleep(1)
            assert replace(fleet, Recycle(Slot(1))) == (0, True)
            assert replace(fleet, Reload()) == (0, True)
        fleet.until_handled(len(texts))
        assert [slot.crashes for slot in fleet.look().slots] == [0]
        assert fleet.stop() == 0
    assert_each_once(fleet.times_handled(), texts)
    if grouped:
        assert_ordered(fleet.ledger(), group_of)
