"""The producers through which the outputs of all consumers go: a publisher for each instance. On the loop thread."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer.outlet import BundleOutlet
from sylph_mp.producer.tally import LaneSnapshot

#: Time for what was submitted under a configuration that a reload has replaced.
REPLACED_S = 30.0


class Publisher(BundleOutlet, Protocol):
    def watch(self, topic: str) -> None: ...
    def snapshot(self) -> list[LaneSnapshot]: ...
    @property
    def watch_failures(self) -> Mapping[str, str]: ...


class Outlets:
    """`make` gives an instance's, which connects when first used; `configured` says what a name stands for now."""

    def __init__(
        self, *, configured: Callable[[], Mapping[str, Instance]], make: Callable[[Instance], Publisher], clock: Clock
    ) -> None:
        self._configured = configured
        self._make = make
        self._clock = clock
        self._open: dict[str, tuple[Instance, Publisher]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, name: str) -> Publisher:
        """The one outlet of an instance. Raises KeyError for a name that never was in the configuration.

        A name that a reload has taken away stands for what it did: consumers that drain still send there.
        """
        now, (before, outlet) = self._configured().get(name), self._open.get(name, (None, None))
        if outlet is not None and (now is None or now is before):
            return outlet
        return self._replace(name, now or self._configured()[name], before, outlet)

    def _replace(self, name: str, now: Instance, before: Instance | None, outlet: Publisher | None) -> Publisher:
        if outlet is None or now != before:
            if outlet is not None:
                self._close_later(outlet)
            outlet = self._make(now)
        self._open[name] = (now, outlet)
        return outlet

    def _close_later(self, outlet: Publisher) -> None:
        closing = asyncio.create_task(outlet.close(Deadline.after(REPLACED_S, self._clock)))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def snapshot(self) -> list[tuple[str, LaneSnapshot]]:
        """What each of their lanes does, by instance."""
        return [(name, lane) for name, (_, outlet) in self._open.items() for lane in outlet.snapshot()]

    def watch_failures(self) -> dict[str, str]:
        """Why topics that are watched for the server's questions have no session just now."""
        return {topic: why for _, outlet in self._open.values() for topic, why in outlet.watch_failures.items()}

    async def close(self, deadline: Deadline) -> None:
        """Send what was submitted, as far as there is time. Never raises."""
        closing = [outlet.close(deadline) for _, outlet in self._open.values()]
        await asyncio.gather(*closing, *self._closing)
