"""Starts consumers, and the forkserver that forks them anew when it is gone.

Runs on the master's loop thread.
"""

import os
from collections import deque
from collections.abc import Callable
from typing import Literal

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.errors import SylphError
from sylph_mp.logs import Log
from sylph_mp.master.child import Child
from sylph_mp.master.fork_client import ForkClient, ForkError
from sylph_mp.master.rate_limits import RateLimits
from sylph_mp.master.restarts import MAX_DELAY_S, GiveUp, Restart, Rules, after_death
from sylph_mp.master.stack_files import StackFiles
from sylph_mp.pipe import News, Spawn

#: Importing the consumer's modules takes half a second; more than this on any host is a fault.
LOAD_S = 60.0


class Spawner:
    def __init__(
        self,
        *,
        entry: str,
        stack_files: StackFiles,
        rate_limits: RateLimits,
        log_form: Literal["text", "json"],
        rules: Rules,
        clock: Clock,
        log: Log,
    ) -> None:
        self._entry = entry
        self._stack_files = stack_files
        self._rate_limits = rate_limits
        self._log_form = log_form
        self._rules = rules
        self._clock = clock
        self._log = log
        self._forks: ForkClient | None = None
        self._deaths: deque[float] = deque(maxlen=rules.most)
        self._relaunch_at: float | None = None

    def launch(self) -> None:
        """Begin to load a forkserver; `spawn` waits for it."""
        self._forks = ForkClient.launch(self._entry)

    async def loaded(self) -> float:
        """Seconds that the forkserver took to load. Raises SylphError if it cannot."""
        assert self._forks is not None
        try:
            return await self._forks.loaded(LOAD_S)
        except (ForkError, TimeoutError) as error:
            raise SylphError(
                f"the forkserver cannot load the consumer's modules: {error or 'it takes too long'}"
            ) from error

    @property
    def ready(self) -> bool:
        """Whether a fork can be had at once."""
        return self._forks is not None and self._forks.is_loaded

    def replace_lost(self, now: float) -> None:
        """Launch another forkserver if this one is gone, at once or, if that is the rule by now, later."""
        if self._forks is None or not self._forks.lost.is_set():
            return
        if self._relaunch_at is None:
            self._deaths.append(now)
            match after_death(self._deaths, now, rules=self._rules):
                case Restart(at=at):
                    self._relaunch_at = at
                case GiveUp():
                    self._relaunch_at = now + MAX_DELAY_S
            self._log.error("forkserver", "the forkserver is gone; a new one starts, the consumers go on")
        if now >= self._relaunch_at:
            self._relaunch_at = None
            self.launch()

    async def spawn(
        self, slot: int, config: Config, segment: str, *, changed: Callable[[Child, News | None], None]
    ) -> Child:
        """A new consumer. Raises ForkError, ResourceError."""
        if self._forks is None:
            raise ForkError("there is no forkserver")
        spawn = Spawn(
            slot=slot,
            segment=segment,
            config=config,
            master_pid=os.getpid(),
            stacks=self._stack_files.path(slot),
            rates=self._rate_limits.name,
            rate_lines=self._rate_limits.lines(config),
            log_form=self._log_form,
        )
        return await Child.start(self._forks, spawn, clock=self._clock, changed=changed)

    def close(self) -> None:
        if self._forks is not None:
            self._forks.close()
