"""What master and consumers print is set while they run, and a consumer that comes later prints the same."""

import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from sylph_mp.control.protocol import Set
from tests.brokers.embedded import EmbeddedBroker
from tests.scenarios.real_fleet import RealFleet, send


def test_log_level_is_set_live(embedded: EmbeddedBroker, folder: Path) -> None:
    topic, group = embedded.topic(), embedded.group()
    with RealFleet(
        folder,
        endpoint=embedded.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        work='ctx.log.debug("looked at " + text)',
    ) as fleet:

        def handled(text: str) -> None:
            send(embedded.endpoint, topic, [text])
            fleet.until(lambda: text in fleet.times_handled())

        def said(text: str) -> bool:
            return f"looked at {text}" in fleet.log.read_text()

        def says(texts: Iterator[str]) -> bool:
            """Whether the next message's debug line is seen: a level comes to a consumer with its next order."""
            text = next(texts)
            handled(text)
            return said(text)

        fleet.until_running(1)
        handled("before")
        fleet.tell(Set("log.level", "debug", "root", saved=False))
        more = numbered("debug")
        fleet.until(lambda: says(more))
        assert not said("before")

        (pid,) = fleet.consumers()
        os.kill(pid, signal.SIGKILL)
        fleet.until(lambda: fleet.consumers() not in ([], [pid]))
        fleet.until_running(1)
        assert says(numbered("successor"))

        fleet.tell(Set("log.level", "error", "root", saved=False))
        less = numbered("error")
        fleet.until(lambda: not says(less))
        before = len(fleet.log.read_text())
        handled("last")
        fleet.tell(Set(f"topics.{topic}.shards", "2", "root", saved=False))
        assert fleet.stop() == 0
        assert fleet.log.read_text()[before:] == ""


def numbered(name: str) -> Iterator[str]:
    return (f"{name}{number}" for number in count(1))
