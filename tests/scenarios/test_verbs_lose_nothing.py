"""Scaling down and up, a reload and a stop under load lose nothing, and the stop ends in time."""

import asyncio
import signal
import threading
import time

import pytest

from sylph_mp.control.protocol import Scale
from tests.scenarios.real_fleet import RealFleet, send_async

DRAIN_S = 12.0


@pytest.mark.timeout(180, func_only=True)
def test_scaling_reloading_and_stopping_under_load_lose_nothing(rocketmq, folder):
    topic, group = rocketmq.topic(), rocketmq.group()
    texts = [f"m{number}" for number in range(6_000)]
    with RealFleet(
        folder, endpoint=rocketmq.endpoint, topic=topic, group=group, drain_s=DRAIN_S, work="time.sleep(0.004)"
    ) as fleet:
        fleet.until_running(2)
        sender = threading.Thread(target=lambda: asyncio.run(send_async(rocketmq.endpoint, topic, texts, pause_s=0.35)))
        sender.start()
        for consumers in (1, 4):
            fleet.tell(Scale(wanted=consumers))
            fleet.until_running(consumers)
        before = set(fleet.consumers())
        fleet.signal(signal.SIGHUP)
        fleet.until(lambda: not before & set(fleet.consumers()), limit_s=80)
        fleet.until_running(4)
        began = time.monotonic()
        assert fleet.stop() == 0
        assert time.monotonic() - began < DRAIN_S
        assert fleet.traces() == []
        fleet.start()
        sender.join()
        fleet.until_handled(len(texts), limit_s=40)
        assert fleet.stop() == 0
        assert set(fleet.times_handled()) == set(texts)
