"""A consumer that is killed again and again loses nothing, and runs again only what ran when it was killed."""

import os
import signal
import time

import pytest

from tests.scenarios.real_fleet import RealFleet, assert_ordered, send

#: A handler call that was killed after it wrote its line, and before it returned, wrote it this long before.
GRACE_S = 0.05


def kill_some(fleet: RealFleet, times: int) -> list[float]:
    """Kill slot 1's consumer while it is busy, and wait for the next to be busy; returns when that was."""
    kills = []
    for _ in range(times):
        fleet.until(lambda: fleet.look().slots[0].state == "running")
        fleet.until(lambda: fleet.look().slots[0].in_flight)
        pid = fleet.look().slots[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        kills.append(time.monotonic())
        fleet.until(lambda pid=pid: fleet.look().slots[0].pid not in (None, pid))
    return kills


@pytest.mark.timeout(120, func_only=True)
def test_what_had_finished_is_not_run_again(rocketmq, folder):
    topic, group = rocketmq.topic(), rocketmq.group()
    texts = [f"m{number}" for number in range(1_500)]
    with RealFleet(
        folder, endpoint=rocketmq.endpoint, topic=topic, group=group, processes=(1, 1), work="time.sleep(0.05)"
    ) as fleet:
        fleet.until_running(1)
        send(rocketmq.endpoint, topic, texts)
        kills = kill_some(fleet, 3)
        fleet.until_handled(len(texts))
        fleet.until(lambda: not any(slot.in_flight for slot in fleet.look().slots))
        assert fleet.stop() == 0
        twice = {text for text, count in fleet.times_handled().items() if count > 1}
        first_ended = {handled.text: handled.ended for handled in reversed(fleet.ledger())}
        assert all(any(0 <= kill - first_ended[text] < GRACE_S for kill in kills) for text in twice)
        assert fleet.traces() == []


@pytest.mark.timeout(180, func_only=True)
def test_order_within_groups_holds(rocketmq, folder):
    """What was on the wire to a killed process blocks its queue until its lease is over, so the lease is short here."""
    topic, group = rocketmq.topic("FIFO", 4), rocketmq.group(fifo=True)
    texts = [f"g{number % 20}-{number // 20}" for number in range(600)]

    def group_of(text: str) -> str:
        return text.partition("-")[0]

    with RealFleet(
        folder,
        endpoint=rocketmq.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        work="time.sleep(0.02)",
        lease_s=12,
    ) as fleet:
        fleet.until_running(1)
        send(rocketmq.endpoint, topic, texts, group_of=group_of)
        kill_some(fleet, 2)
        fleet.until_handled(len(texts), limit_s=90)
        assert fleet.stop() == 0
        assert_ordered(fleet.ledger(), group_of)
        assert set(fleet.times_handled()) == set(texts)
