"""What waits in the broker is told by its metrics page, while a topic is quiet too."""

import pytest

from sylph_mp.control.protocol import Quiet, Start
from sylph_mp.control.target import Topic
from tests.scenarios.real_fleet import RealFleet, send

MESSAGES = 200


@pytest.mark.slow
@pytest.mark.timeout(180, func_only=True)
def test_backlog(own_rocketmq, folder):
    broker, topic = own_rocketmq, own_rocketmq.topic()
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
        # The broker counts for a group from its first message on.
        send(broker.endpoint, topic, ["first"])
        fleet.until(lambda: backlog() == 0, 60)
        fleet.tell(Quiet(Topic(topic), "root"))
        send(broker.endpoint, topic, [f"m{number}" for number in range(MESSAGES)])
        # Polls that were out when it became quiet still bring some.
        fleet.until(lambda: backlog() and backlog() + len(fleet.times_handled()) == MESSAGES + 1, 30)
        fleet.tell(Start(Topic(topic), "root"))
        fleet.until_handled(MESSAGES + 1)
        fleet.until(lambda: backlog() == 0, 30)
        assert fleet.stop() == 0
