"""A consumer that is killed again and again loses nothing, and runs again only what ran when it was killed."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.brokers.real import OwnBroker
from tests.scenarios.real_fleet import Handled, RealFleet, send

#: So long nothing is acked before each kill: each thread ends some calls that only shared memory knows of.
UNACKED_S = 0.5
CALL_S = 0.05


def kill_busy(fleet: RealFleet, broker: OwnBroker) -> int:
    """Kill slot 1's consumer, which holds deliveries that are done and not acked; wait for the next.

    Several calls go on by then: a suspect runs alone, and would go into quarantine if it were killed again.
    """
    fleet.until(lambda: len(fleet.look().slots[0].running) > 1 and (fleet.look().topics[0].queued or 0) > 100)
    pid = fleet.look().slots[0].pid
    assert pid is not None
    with broker.standing_still():
        time.sleep(UNACKED_S)
        os.kill(pid, signal.SIGKILL)
        fleet.until(lambda: fleet.look().slots[0].pid not in (None, pid))
    return pid


def last_of_each_thread(ledger: list[Handled], pids: list[int]) -> set[str]:
    """Of killed processes: what they ran last may have been killed between its line and its return."""
    last = {(handled.pid, handled.thread): handled.text for handled in ledger if handled.pid in pids}
    return set(last.values())


@pytest.mark.timeout(120, func_only=True)
def test_what_had_finished_is_not_run_again(own_rocketmq: OwnBroker, folder: Path) -> None:
    broker = own_rocketmq
    topic, group = broker.topic(), broker.group()
    texts = [f"m{number}" for number in range(1_500)]
    with RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        work=f"time.sleep({CALL_S})",
    ) as fleet:
        fleet.until_running(1)
        send(broker.endpoint, topic, texts)
        killed = [kill_busy(fleet, broker) for _ in range(3)]
        fleet.until_handled(len(texts))
        fleet.until(lambda: not any(slot.in_flight for slot in fleet.look().slots))
        assert fleet.stop() == 0
        twice = {text for text, count in fleet.times_handled().items() if count > 1}
        assert twice <= last_of_each_thread(fleet.ledger(), killed)
        assert fleet.traces() == []
