"""The topics' rates as configured, kept in shared memory for the consumers, which share them among themselves.

Runs as one task on the master's loop thread. If the master stands still the rates hold; only what a pause leaves is
not cut to the burst then.
"""

import asyncio
from collections.abc import Awaitable, Callable

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config, Topic
from sylph_mp.errors import ResourceError
from sylph_mp.shm.rates import RateBoard

#: How often what was not taken is cut to the burst.
LOOK_S = 0.1
#: A burst that is not configured is what the rate gives in this time: a host that stands still for a moment loses none.
BURST_S = 0.5
#: Topics that reloads may add to those of the start.
SPARE_LINES = 64


class RateLimits:
    def __init__(self, *, name: str, config: Callable[[], Config], clock: Clock) -> None:
        """`name` is that of the shared memory, `config` the configuration that holds now."""
        self.name = name
        self._config = config
        self._clock = clock
        self._board: RateBoard | None = None
        self._lines: dict[str, int] = {}
        self._limits: dict[str, float] = {}
        """Messages a second, of the topics that had a limit once."""
        self._known: Config | None = None
        """What `_limits` is of."""
        self._bursts: dict[int, float] = {}
        """By line, of the topics that have a limit."""

    def reserve(self) -> None:
        """Make the shared memory. Raises ResourceError."""
        self._board = RateBoard.create(self.name, topics=len(self._config().topics) + SPARE_LINES)
        self.look()

    def release(self) -> None:
        if self._board is not None:
            self._board.close()
            self._board = None

    def lines(self, config: Config) -> dict[str, int]:
        """The line of each topic, which stays its own. Raises ResourceError."""
        for topic in config.topics:
            self._lines.setdefault(topic, len(self._lines))
        if self._board is not None and len(self._lines) > self._board.topics:
            raise ResourceError(f"reloads have added more than {SPARE_LINES} topics: sylph stop, then sylph run")
        return {topic: self._lines[topic] for topic in config.topics}

    async def run(self, *, idle: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled; `idle` is waited for while no topic has a rate: until something may have changed."""
        while True:
            self.look()
            await (asyncio.sleep(LOOK_S) if self._bursts else idle())

    def look(self) -> None:
        """Set what has changed, and cut what nobody took."""
        if self._board is None:
            return
        now_ns = int(self._clock.monotonic() * 1e9)
        config = self._config()
        if config is not self._known:
            self._limit(config, self._board, now_ns)
            self._known = config
        for line, burst in self._bursts.items():
            self._board.forfeit(line, burst, now_ns)

    def _limit(self, config: Config, board: RateBoard, now_ns: int) -> None:
        self._bursts = {}
        for name, line in self.lines(config).items():
            topic = config.topics[name]
            if topic.rate != self._limits.get(name, 0.0):
                board.limit(line, topic.rate, now_ns)
                self._limits[name] = topic.rate
            if topic.rate:
                self._bursts[line] = burst_of(topic)


def burst_of(topic: Topic) -> float:
    return float(topic.burst) if topic.burst else max(1.0, topic.rate * BURST_S)
