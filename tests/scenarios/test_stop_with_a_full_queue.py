"""A stop with a thousand messages of a second each waiting ends by its deadline; the next run handles each of them."""

import time

from tests.scenarios.real_fleet import RealFleet, assert_each_once, send

DRAIN_S = 10
QUEUED = 1_000

#: The first ones are quick: where calls take long, a process does not queue so many.
WORK = 'time.sleep(1.0 if text.startswith("slow") and not os.path.exists("quick") else 0)'


def test_stop_with_a_full_queue(broker, folder):
    topic, group = broker.topic(), broker.group()
    quick = [f"quick{number}" for number in range(500)]
    slow = [f"slow{number}" for number in range(QUEUED)]
    with RealFleet(
        folder, endpoint=broker.endpoint, topic=topic, group=group, processes=(1, 1), drain_s=DRAIN_S, work=WORK
    ) as fleet:
        fleet.until_running(1)
        send(broker.endpoint, topic, quick)
        fleet.until_handled(len(quick))
        send(broker.endpoint, topic, slow)
        fleet.until(lambda: (fleet.look().slots[0].in_flight or 0) > 0.9 * QUEUED)
        began = time.monotonic()
        assert fleet.stop() == 0
        assert time.monotonic() - began < DRAIN_S
        assert fleet.traces() == []
        assert len(fleet.times_handled()) < len(quick) + 0.1 * QUEUED
        (folder / "quick").touch()
        fleet.start()
        fleet.until_handled(len(quick) + QUEUED)
        assert fleet.stop() == 0
        assert_each_once(fleet.times_handled(), [*quick, *slow])
