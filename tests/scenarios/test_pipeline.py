"""What handlers send is stored before the delivery is acked: nothing is lost, whoever is killed."""

import os
import signal
import time

import pytest

from tests.scenarios.pipeline import Pipeline
from tests.scenarios.real_fleet import assert_each_once, assert_ordered, group_of, send


def test_every_output_is_there_exactly_once(broker, folder):
    source, topic, group = broker.topic(), broker.topic(), broker.group()
    texts = [f"m{number}" for number in range(3_000 if broker.kind == "rocketmq" else 500)]
    with Pipeline(folder, endpoint=broker.endpoint, source=source, topic=topic, group=group) as fleet:
        fleet.until_running(2)
        send(broker.endpoint, source, texts)
        fleet.until_handled(len(texts))
        fleet.until(lambda: [each.acked for each in fleet.look().topics] == [len(texts)] * 2)
        assert fleet.stop() == 0
        assert_each_once(fleet.times_handled(), texts)
        assert fleet.traces() == []


def test_outputs_of_a_group_keep_its_order(rocketmq, folder):
    source, topic, group = rocketmq.topic("FIFO", 4), rocketmq.topic("FIFO", 4), rocketmq.group(fifo=True)
    texts = [f"g{number % 20}-{number // 20}" for number in range(1_000)]

    with Pipeline(
        folder,
        endpoint=rocketmq.endpoint,
        source=source,
        topic=topic,
        group=group,
        fields=", group=ctx.message.group",
    ) as fleet:
        fleet.until_running(2)
        send(rocketmq.endpoint, source, texts, group_of=group_of)
        fleet.until_handled(len(texts))
        assert fleet.stop() == 0
        assert_each_once(fleet.times_handled(), texts)
        assert_ordered(fleet.ledger(), group_of)


@pytest.mark.timeout(240, func_only=True)
def test_no_output_is_lost_when_consumers_and_masters_are_killed(rocketmq, folder):
    source, topic, group = rocketmq.topic(), rocketmq.topic(), rocketmq.group()
    texts = [f"m{number}" for number in range(4_000)]
    with Pipeline(
        folder,
        endpoint=rocketmq.endpoint,
        source=source,
        topic=topic,
        group=group,
        processes=(2, 2),
        lease_s=10,
        pass_on="time.sleep(0.01)",
    ) as fleet:
        fleet.until_running(2)
        send(rocketmq.endpoint, source, texts)
        for number in range(8):
            time.sleep(0.4)
            if number % 4 == 3:
                fleet.process.kill()
                fleet.process.wait()
                fleet.start()
            else:
                os.kill(fleet.consumers()[number % 2], signal.SIGKILL)
            fleet.until_running(2)
        fleet.until_handled(len(texts), limit_s=120)
        assert fleet.stop() == 0
