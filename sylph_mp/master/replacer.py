"""Has consumers replaced: all of them for a reload, single ones on request or when they have reached a limit.

One rollout goes on at a time. Stepped by the supervisor's control pass, on the master's loop thread.
"""

from collections.abc import Iterable

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.recycler import Recycler
from sylph_mp.master.rollout import Rollout
from sylph_mp.master.stand_in import StandIn


class Replacer:
    def __init__(
        self, *, fleet: Fleet, recycler: Recycler, stand_in: StandIn, chronicle: Chronicle, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._recycler = recycler
        self._stand_in = stand_in
        self._chronicle = chronicle
        self._clock = clock
        self._rollout: Rollout | None = None
        self._before = fleet.config
        """To go back to if the configuration that is rolled out fails."""

    @property
    def replacing(self) -> bool:
        return self._rollout is not None

    @property
    def rolling_out(self) -> bool:
        """Whether a new configuration is: nothing else can be replaced meanwhile."""
        return self._rollout is not None and not self._rollout.recycles

    def roll_out(self, config: Config) -> None:
        """Replace all consumers, and go on with `config`. Not to be called while any are being replaced."""
        self._before, self._fleet.config = self._fleet.config, config
        self._begin(sorted(self._fleet.slots), config)

    def recycle(self, number: int) -> None:
        """Replace one consumer by its like. Not to be called while a configuration is rolled out."""
        if self._rollout is not None:
            self._rollout.add(number)
        else:
            self._begin([number], None)

    def abandon(self) -> None:
        """All are to stop: nothing is replaced any more."""
        self._rollout = None

    def step(self) -> None:
        """Go on with what is being replaced."""
        rollout = self._rollout
        if rollout is None:
            return
        rollout.step(self._fleet)
        if rollout.state == "done":
            self._chronicle.replaced(rollout.replaced)
        elif rollout.failed_at is not None:
            if not rollout.recycles:
                self._fleet.config = self._before
            self._recycler.postpone(self._clock.monotonic())
            kept = self._fleet.wanted - len(rollout.replaced) - rollout.failed_at.wanted
            self._chronicle.rollout_failed(rollout.failed_at, kept=kept)
        if rollout.state != "going":
            self._rollout = None

    def keep_limits(self, now: float) -> None:
        """Replace who has reached one. Not to be called during a start or a stop."""
        slot = self._recycler.step(now, replacing=self.replacing)
        if slot is not None:
            self.recycle(slot.number)

    def _begin(self, numbers: Iterable[int], config: Config | None) -> None:
        self._rollout = Rollout(numbers, config=config, stand_in=self._stand_in, clock=self._clock)
