"""Order within every message group holds while processes are scaled 3, 1, 3; nothing is lost or handled twice."""

import asyncio
import threading

from sylph_mp.control.protocol import Scale
from tests.scenarios.real_fleet import RealFleet, assert_each_once, assert_ordered, group_of, send_async


def test_order_within_groups_while_scaled(broker, folder):
    topic, group = broker.topic("FIFO", 8), broker.group(fifo=True)
    texts = [f"g{number % 50}-{number // 50}" for number in range(2_000)]
    with RealFleet(
        folder, endpoint=broker.endpoint, topic=topic, group=group, processes=(3, 3), work="time.sleep(0.002)"
    ) as fleet:
        fleet.until_running(3)
        sender = threading.Thread(
            target=lambda: asyncio.run(send_async(broker.endpoint, topic, texts, group_of=group_of))
        )
        sender.start()
        for consumers in (1, 3):
            fleet.until_handled(400 if consumers == 1 else 800)
            fleet.tell(Scale(wanted=consumers))
            fleet.until_running(consumers)
        sender.join()
        fleet.until_handled(len(texts))
        assert fleet.stop() == 0
        assert_ordered(fleet.ledger(), group_of)
        assert_each_once(fleet.times_handled(), texts)
