"""A start that meets a broker which has not registered its topics yet waits for it, if that had them before."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sylph_mp.control.client import look
from sylph_mp.devbroker.in_thread import BrokerThread
from sylph_mp.devbroker.store.refusal import Code
from tests.scenarios.shop import GROUP, TOPIC, open_shop
from tests.scenarios.terminal import Terminal
from tests.scenarios.traces import traces


@pytest.fixture
def broker() -> Iterator[BrokerThread]:
    broker = BrokerThread()
    broker.start()
    broker.create_topic(TOPIC)
    broker.create_group(GROUP)
    yield broker
    broker.stop()


def no_topics(broker: BrokerThread) -> None:
    """As long as it has not registered, its proxy answers so for each of them."""
    broker.faults.fail("QueryRoute", Code.TOPIC_NOT_FOUND, "CODE: 17  DESC: No topic route info", times=100_000)


def test_topics_that_were_there_are_waited_for(broker: BrokerThread, folder: Path) -> None:
    path = open_shop(folder, endpoint=broker.endpoint)
    with Terminal(folder, "run") as terminal:
        terminal.until("ready in")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0
    no_topics(broker)
    with Terminal(folder, "run") as terminal:
        terminal.until(f'default ({broker.endpoint}): does not know topic "{TOPIC}", which it had, trying again')
        broker.faults.clear()
        terminal.until("ready in")
        assert look(path).slots[0].state == "running"
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0
    assert traces(folder, path) == []


def test_topics_that_were_never_there_are_missing_at_once(broker: BrokerThread, folder: Path) -> None:
    open_shop(folder, endpoint=broker.endpoint)
    no_topics(broker)
    with Terminal(folder, "run") as terminal:
        assert terminal.end() == 69
        assert f'has no topic "{TOPIC}"' in " ".join(terminal.screen.split())
