"""A step of load makes the fleet grow to what it needs, then shrink; nothing is lost, twice or out of order."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.scenarios.real_fleet import RealFleet, assert_each_once, assert_ordered, flow, group_of

MASTER = [sys.executable, str(Path(__file__).with_name("hurried_master.py"))]
#: Two threads of 50 ms each do 40 a second; at 75 % busy that takes four consumers.
PER_S = 120
NEEDED = 4
SECONDS = 20


class HurriedFleet(RealFleet):
    command = MASTER


def numbered(count: int) -> list[str]:
    return [f"g{number % 40}-{number // 40}" for number in range(count)]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["NORMAL", "FIFO"])
def test_grows_and_shrinks_with_the_load(broker, folder, kind):
    fifo = kind == "FIFO"
    topic, group = broker.topic(kind, 8), broker.group(fifo=fifo)
    texts, grouped = numbered(PER_S * SECONDS), group_of if fifo else None
    fleet = HurriedFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(1, 8),
        threads=2,
        shards=8,
        work="time.sleep(0.05)",
    )
    with fleet:
        fleet.until_running(1, 60)
        with flow(broker.endpoint, topic, texts, per_s=PER_S, group_of=grouped):
            fleet.until(lambda: fleet.look().autoscale.running >= NEEDED, 2 * SECONDS)
        fleet.until_handled(len(texts), 90)
        fleet.until_running(1, 60)
        scaled = fleet.look().autoscale
        sizes = [line.consumers_after for line in reversed(scaled.history) if not line.refused]
        steps = [after > before for before, after in pairwise([1, *sizes])]
        turns = sum(before != after for before, after in pairwise(steps))
        # Up and down again, which is one turn. A busy host may make it correct itself once on the way.
        assert turns in (1, 3), sizes
        assert sizes[-1] == 1, sizes
        assert "threads" in scaled.history[-1].why
        assert fleet.stop() == 0
        assert_each_once(fleet.times_handled(), texts)
        if fifo:
            assert_ordered(fleet.ledger(), group_of)
