"""Replaces consumers one slot at a time: the old one drains, its successor gets ready, then the next slot.

Stepped by the supervisor's control pass; holds nothing but how far it has come.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.child import Child
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.slot import Slot


class _Replacement(Struct, frozen=True):
    """What was there before, to tell a successor by, and to go back to."""

    slot: Slot
    child: Child | None
    crashes: int
    config: Config


class Rollout:
    """`state` moves from `going` to `done` or `failed`; the slots after a failed one are left as they are."""

    def __init__(self, numbers: Iterable[int], *, config: Config, before: Config, clock: Clock) -> None:
        self.state: Literal["going", "done", "failed"] = "going"
        self.replaced: list[int] = []
        self.before = before
        """The fleet's configuration to go back to if a successor fails."""
        self._pending = list(numbers)
        self._config = config
        self._clock = clock
        self._current: _Replacement | None = None

    @property
    def failed_at(self) -> Slot | None:
        return self._current.slot if self.state == "failed" and self._current else None

    def step(self, fleet: Fleet) -> None:
        if self._current is not None:
            self._look(self._current)
        while self._current is None and self.state == "going":
            self._next(fleet)

    def _look(self, now_replaced: _Replacement) -> None:
        slot = now_replaced.slot
        if not slot.wanted:
            self._current = None  # scaled away meanwhile
        elif slot.crashes > now_replaced.crashes:
            slot.config = now_replaced.config
            slot.forgive()
            self.state = "failed"
        elif slot.child is not now_replaced.child and slot.child is not None and slot.child.ready_at is not None:
            self.replaced.append(slot.number)
            self._current = None

    def _next(self, fleet: Fleet) -> None:
        if not self._pending:
            self.state = "done"
            return
        slot = fleet.slots[self._pending.pop(0)]
        before = slot.config
        slot.config = self._config
        if not slot.wanted:
            return  # scaled away since; whoever comes there next has the new configuration
        slot.forgive()
        self._current = _Replacement(slot, slot.child, slot.crashes, before)
        slot.recycle(Deadline.after(fleet.config.consumers.drain_s, self._clock))
