"""No ordered queue waits for a lease, however often its consumer is killed, and order within groups holds."""

import os
import random
import signal
import threading
import time

import pytest

from tests.scenarios.real_fleet import RealFleet, assert_ordered, group_of, send

#: More than four a minute in one slot would be a crash loop.
KILLS = [1, 2, 3] * 3 + [1]
#: A queue that waited for it would keep the run from ending in time.
LEASE_S = 300


def kill(fleet: RealFleet, slot: int, chance: random.Random) -> None:
    """Its consumer, at any moment of its work, and wait for the successor to work."""
    pid = fleet.look().slots[slot - 1].pid
    assert pid is not None
    time.sleep(chance.random() / 2)
    os.kill(pid, signal.SIGKILL)
    fleet.until(lambda: (now := fleet.look().slots[slot - 1]).pid not in (None, pid) and now.state == "running")


@pytest.mark.timeout(180, func_only=True)
def test_nothing_waits_for_a_lease(broker, folder):
    topic, group = broker.topic("FIFO", 4), broker.group(fifo=True)
    texts = [f"g{number % 20}-{number // 20}" for number in range(4_000)]
    with RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(3, 3),
        work="time.sleep(0.05)",
        lease_s=LEASE_S,
    ) as fleet:
        fleet.until_running(3)
        sending = threading.Thread(target=send, args=(broker.endpoint, topic, texts), kwargs={"group_of": group_of})
        sending.start()
        chance = random.Random(4)
        for slot in KILLS:
            kill(fleet, slot, chance)
        sending.join()
        fleet.until_handled(len(texts), limit_s=60)
        assert fleet.stop() == 0
        assert_ordered(fleet.ledger(), group_of)
        assert set(fleet.times_handled()) == set(texts)
