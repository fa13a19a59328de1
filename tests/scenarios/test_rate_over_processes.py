"""A topic's rate holds over all processes together, and a change of it at once."""

import time

import pytest

from sylph_mp.control.protocol import Set
from tests.scenarios.real_fleet import RealFleet, send

#: For each rate.
MEASURED_S = 10
TOLERANCE = 0.03


def per_s(fleet: RealFleet) -> float:
    began = time.monotonic()
    fleet.until(lambda: time.monotonic() > began + MEASURED_S + 0.5)
    return sum(began <= call.began < began + MEASURED_S for call in fleet.ledger()) / MEASURED_S


@pytest.mark.slow
@pytest.mark.timeout(120)  # it measures for twenty seconds
def test_rate_over_processes(broker, folder):
    topic, group = broker.topic(), broker.group()
    with RealFleet(
        folder, endpoint=broker.endpoint, topic=topic, group=group, processes=(4, 4), threads=4, shards=4
    ) as fleet:
        fleet.until_running(4)
        key = f"topics.{topic}.rate"
        fleet.tell(Set(key, "200/s", "root", saved=False))
        send(broker.endpoint, topic, [f"m{number}" for number in range(9000)])
        fleet.until_handled(200)
        assert per_s(fleet) == pytest.approx(200, rel=TOLERANCE)
        fleet.tell(Set(key, "500/s", "root", saved=False))
        fleet.until_handled(len(fleet.times_handled()) + 500)
        assert per_s(fleet) == pytest.approx(500, rel=TOLERANCE)
        fleet.tell(Set(key, "off", "root", saved=False))
        fleet.until_handled(9000)
        assert fleet.stop() == 0
