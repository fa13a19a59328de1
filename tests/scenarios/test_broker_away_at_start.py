"""A broker that is away at the start is waited for, and said so; when it comes the fleet gets ready by itself."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sylph_mp.control.client import look
from sylph_mp.devbroker.in_thread import BrokerThread
from tests.scenarios.shop import GROUP, TOPIC, open_shop
from tests.scenarios.terminal import Terminal
from tests.scenarios.traces import traces


@pytest.fixture
def broker() -> Iterator[BrokerThread]:
    """One that is away, and keeps its port."""
    broker = BrokerThread()
    broker.start()
    broker.create_topic(TOPIC)
    broker.create_group(GROUP)
    broker.stop_listening()
    yield broker
    broker.stop()


def test_broker_away_at_start(broker: BrokerThread, folder: Path) -> None:
    path = open_shop(folder, endpoint=broker.endpoint)
    with Terminal(folder, "run") as terminal:
        terminal.until(f"default ({broker.endpoint}): connection refused, trying again for 10 s")
        terminal.look_until(lambda: look(path).verdict == "broken")
        status = Terminal(folder, "status")
        assert status.end() == 3
        assert status.screen.startswith(f"broken: broker {broker.endpoint} away for "), status.screen
        assert "(connection refused)" in status.screen
        broker.start_listening()
        terminal.until("ready in")
        assert look(path).slots[0].state == "running"
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0
    assert traces(folder, path) == []
