"""What waits in the broker is told by its metrics page, while a topic is quiet too."""

import time

import pytest

from sylph_mp.control.protocol import Quiet, Start
from sylph_mp.control.target import Topic
from tests.scenarios.real_fleet import RealFleet, send

MESSAGES = 200
#: The master asks each 5 s.
EACH_S = 6


def until_counted(send_one, backlog):
    """How many messages it took: a fresh broker does not always count for a group from the very first on."""
    for sent in range(1, 16):
        send_one()
        end = time.monotonic() + EACH_S
        while time.monotonic() < end:
            if backlog() == 0:
                return sent
            time.sleep(0.1)
    raise AssertionError(f"the broker does not count, {sent} messages later")


@pytest.mark.slow
@pytest.mark.timeout(180, func_only=True)
def test_backlog(fresh_rocketmq, folder):
    """A broker of its own: one that has groups whose consumers are gone may count for none (5.5.0)."""
    broker, topic = fresh_rocketmq, fresh_rocketmq.topic()
    fleet = RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=broker.group(),
        processes=(1, 1),
        metrics=f"http://{broker.metrics}/metrics",
    )

    def backlog():
        (told,) = fleet.look().topics
        return told.backlog

    with fleet:
        fleet.until_running(1, 60)
        first = until_counted(lambda: send(broker.endpoint, topic, ["first"]), backlog)
        fleet.tell(Quiet(Topic(topic), "root"))
        send(broker.endpoint, topic, [f"m{number}" for number in range(MESSAGES)])
        # Polls that were out when it became quiet still bring some.
        fleet.until(lambda: backlog() and backlog() + len(fleet.times_handled()) == MESSAGES + first, 30)
        fleet.tell(Start(Topic(topic), "root"))
        fleet.until_handled(MESSAGES + first)
        fleet.until(lambda: backlog() == 0, 30)
        assert fleet.stop() == 0
