"""A proxy that dies under load and comes back is used again within three seconds; nothing restarts, nothing is lost.

What waits in the broker is not known meanwhile, and said to be so.
"""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from sylph_mp.errors import BrokerError
from tests.scenarios.real_fleet import RealFleet, send, send_async


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """Set when the test is over, however it ends: a load that goes on would keep the tests from ending."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.timeout(180, func_only=True)
def test_consuming_goes_on_when_the_proxy_is_back(fresh_rocketmq, folder, ended):
    """A broker of its own: one that has groups whose consumers are gone may count for none (5.5.0)."""
    broker = fresh_rocketmq
    topic, group = broker.topic(), broker.group()
    stored: list[str] = []

    def load() -> None:
        number = 0
        while not ended.is_set():
            texts = [f"m{number + place}" for place in range(100)]
            try:
                asyncio.run(send_async(broker.endpoint, topic, texts))
            except BrokerError:
                time.sleep(0.2)  # whether these were stored nobody knows, so they do not count
            else:
                stored.extend(texts)
            number += 100
            time.sleep(0.05)

    metrics = f"http://{broker.metrics}/metrics"
    with RealFleet(folder, endpoint=broker.endpoint, topic=topic, group=group, lease_s=60, metrics=metrics) as fleet:
        fleet.until_running(2)
        sender = threading.Thread(target=load)
        sender.start()
        fleet.until_handled(500)
        fleet.until(lambda: fleet.look().topics[0].backlog is not None, limit_s=60)
        before = fleet.consumers()
        broker.stop_proxy(kill=True)
        fleet.until(lambda: fleet.look().verdict == "broken", limit_s=40)
        fleet.until(lambda: fleet.look().topics[0].backlog is None, limit_s=60)
        assert "backlog: not known: http://127.0.0.1:" in fleet.log.read_text()
        broker.start_proxy()
        back = time.monotonic()
        handled = len(fleet.ledger())
        fleet.until(lambda: len(fleet.ledger()) > handled, limit_s=3)
        assert time.monotonic() - back < 3
        ended.set()
        sender.join()
        send(broker.endpoint, topic, ["last"])
        fleet.until(lambda: {*stored, "last"} <= fleet.times_handled().keys(), limit_s=80)
        assert fleet.consumers() == before
        assert fleet.stop() == 0
