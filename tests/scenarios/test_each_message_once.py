"""Without faults every message is handled and acked exactly once, and nothing is left behind."""

import pytest

from tests.scenarios.real_fleet import RealFleet, assert_each_once, send


def test_each_message_is_handled_once(broker, folder):
    topic, group = broker.topic(), broker.group()
    texts = [f"m{number}" for number in range(3_000 if broker.kind == "rocketmq" else 1_000)]
    with RealFleet(folder, endpoint=broker.endpoint, topic=topic, group=group) as fleet:
        fleet.until_running(2)
        send(broker.endpoint, topic, texts)
        fleet.until_handled(len(texts))
        fleet.until(lambda: fleet.look().topics[0].acked == len(texts))
        assert fleet.stop() == 0
        assert_each_once(fleet.times_handled(), texts)
        assert fleet.traces() == []


@pytest.mark.rocketmq
def test_handlers_that_wait_use_all_threads_of_all_processes(rocketmq, folder):
    topic, group = rocketmq.topic(), rocketmq.group()
    texts = [f"m{number}" for number in range(64)]
    with RealFleet(
        folder, endpoint=rocketmq.endpoint, topic=topic, group=group, work="time.sleep(0.5)", shards=4
    ) as fleet:
        fleet.until_running(2)
        send(rocketmq.endpoint, topic, texts)
        fleet.until_handled(len(texts))
        assert fleet.stop() == 0
        assert_each_once(fleet.times_handled(), texts)
        ledger = fleet.ledger()
        most = max(sum(other.began <= call.began < other.ended for other in ledger) for call in ledger)
        assert most == 16
