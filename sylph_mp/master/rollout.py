"""Replaces consumers, make before break, one slot at a time.

    a stand-in starts ──► ready: it runs the slot's shards ──► the old one drains ──► its successor starts
                                                                                             │
                  the stand-in drains, or goes on to the next slot ◄── ready: it runs them ◄─┘

Where there is no room for a stand-in, or nothing for it to run, the old one drains without.

Stepped by the supervisor's control pass; holds nothing but how far it has come.
"""

from collections import deque
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.child import Child
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.slot import Slot
from sylph_mp.master.stand_in import StandIn


class _Replacement(Struct, frozen=True):
    """What was there before, to tell a successor by, and to go back to."""

    slot: Slot
    child: Child | None
    crashes: int
    config: Config


class Rollout:
    """`state` moves from `going` to `done` or `failed`; the slots after a failed one are left as they are."""

    def __init__(self, numbers: Iterable[int], *, config: Config | None, stand_in: StandIn, clock: Clock) -> None:
        """`config` is what successors are started with; None: as their predecessors were."""
        self.state: Literal["going", "done", "failed"] = "going"
        self.replaced: list[int] = []
        self.failed_at: Slot | None = None
        """Where the consumer was to come that failed."""
        self._pending = deque(numbers)
        self._config = config
        self._stand_in = stand_in
        self._clock = clock
        self._awaiting: Slot | None = None
        """To be replaced when its stand-in is there."""
        self._current: _Replacement | None = None

    @property
    def recycles(self) -> bool:
        """Whether consumers are replaced by their like: then further slots may be added."""
        return self._config is None

    def add(self, number: int) -> None:
        """Replace that one too, unless it is to be replaced anyway."""
        if number not in self._pending and (self._awaiting is None or self._awaiting.number != number):
            self._pending.append(number)

    def step(self, fleet: Fleet) -> None:
        """Go as far as can be gone now."""
        if self._awaiting is not None:
            self._await(fleet, self._awaiting)
        if self._current is not None:
            self._look(self._current)
        while self._current is None and self._awaiting is None and self.state == "going":
            self._next(fleet)

    def _next(self, fleet: Fleet) -> None:
        if not self._pending:
            self._end("done")
            return
        slot = fleet.slots[self._pending.popleft()]
        if slot.wanted and (slot.child is None or slot.child.ready_at is None or slot.quiet or fleet.quiet):
            self._replace(fleet, slot)
        else:
            self._await(fleet, slot)

    def _await(self, fleet: Fleet, slot: Slot) -> None:
        self._awaiting = None
        if not slot.wanted:
            self._configure(slot)
            return
        match self._stand_in.present_for(slot, self._config or slot.config):
            case "awaited":
                self._awaiting = slot
            case "failed":
                self._end("failed", at=self._stand_in.slot)
            case "ready" | "none":
                self._replace(fleet, slot)

    def _configure(self, slot: Slot) -> None:
        """Whoever comes there next is started with it."""
        if self._config is not None:
            slot.config = self._config

    def _replace(self, fleet: Fleet, slot: Slot) -> None:
        self._current = _Replacement(slot, slot.child, slot.crashes, slot.config)
        self._configure(slot)
        slot.forgive()
        slot.recycle(Deadline.after(fleet.config.consumers.drain_s, self._clock))

    def _look(self, now_replaced: _Replacement) -> None:
        slot = now_replaced.slot
        if not slot.wanted:
            self._current = None  # scaled away meanwhile
        elif slot.crashes > now_replaced.crashes:
            slot.config = now_replaced.config
            slot.forgive()
            self._end("failed", at=slot)
        elif slot.child is not now_replaced.child and slot.child is not None and slot.child.ready_at is not None:
            self.replaced.append(slot.number)
            self._current = None

    def _end(self, state: Literal["done", "failed"], *, at: Slot | None = None) -> None:
        self.state, self.failed_at = state, at
        self._stand_in.dismiss()
