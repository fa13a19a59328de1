"""The socket that a killed master left is removed by the next one, which starts as if it had not been there."""

import signal
import socket
from pathlib import Path

from tests.brokers.embedded import EmbeddedBroker
from tests.scenarios.shop import open_shop, rename
from tests.scenarios.terminal import Terminal
from tests.scenarios.traces import traces


def test_stale_socket(embedded: EmbeddedBroker, folder: Path) -> None:
    path = open_shop(folder, endpoint=embedded.endpoint)
    rename(folder, topic=embedded.topic(), group=embedded.group())
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(path)
    with Terminal(folder, "run") as terminal:
        terminal.until("ready in")
        assert "error" not in terminal.screen
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0
    assert traces(folder, path) == []
