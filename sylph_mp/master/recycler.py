"""Finds the consumers that have reached a limit, one at a time, for the rollout to replace.

One that endangers the host's memory it drains itself: there is no room for a stand-in.

Stepped by the supervisor's control pass, on the master's loop thread.
"""

from collections.abc import Callable
from random import Random

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.control.observation import MemoryMark
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.child import Child
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.recycling import Memory, Used, begins_too_large, due, guarded, lacks_room
from sylph_mp.master.scaling_signals import HostSignal
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import Report

#: The memory of a consumer that has ended may be seen as used for so long.
GIVEN_BACK_S = 2.0
#: Between a replacement that failed and the next for a limit.
AGAIN_S = 60.0


class _Start(Struct):
    """How a consumer began."""

    child: Child
    lot: float
    rss_bytes: int
    told_of: int = 0
    """The limit of its memory that was said to be of no use."""


class Recycler:
    def __init__(
        self, *, fleet: Fleet, host: Callable[[], HostSignal | None], random: Random, chronicle: Chronicle, clock: Clock
    ) -> None:
        """`host` says what was last seen of it."""
        self._fleet = fleet
        self._host = host
        self._random = random
        self._chronicle = chronicle
        self._clock = clock
        self._starts: dict[int, _Start] = {}
        self._left_at = -GIVEN_BACK_S
        """When a consumer was last seen on its way out."""
        self._limits_from = 0.0

    def postpone(self, now: float) -> None:
        """A successor could not be had: what has reached a limit goes on for a while."""
        self._limits_from = now + AGAIN_S

    def lacks_room(self) -> str | None:
        """Why the host has no memory for one more consumer, if so."""
        memory = self._memory()
        return lacks_room([report.rss_bytes for _, _, report in self._working()], memory) if memory else None

    def step(self, now: float, *, replacing: bool) -> Slot | None:
        """The slot to be replaced for a limit; none while a rollout goes on. Not to be called during a stop."""
        used = [self._used(slot, child, report, now) for slot, child, report in self._working()]
        if any(child.deadline is not None for child in self._fleet.children().values()):
            self._left_at = now
            return None
        if self._guard(used, now) or replacing or now < self._limits_from or not self._is_complete():
            return None
        return self._keep_limits(used)

    def _guard(self, fleet: list[Used], now: float) -> bool:
        """It does not wait for a slot that is down: its memory may be what is missing there."""
        memory = self._memory() if now - self._left_at >= GIVEN_BACK_S else None
        fattest = guarded(fleet, memory) if memory is not None else None
        if memory is None or fattest is None:
            return False
        slot = self._fleet.slots[fattest.slot]
        slot.guarded = MemoryMark(
            at=now,
            rss_bytes=fattest.rss_bytes,
            total_bytes=memory.total_bytes,
            used_ratio=memory.used_ratio,
            handlers=slot.running_handlers(),
        )
        self._chronicle.guarded(slot, slot.guarded)
        slot.recycle(Deadline.after(self._fleet.config.consumers.drain_s, self._clock))
        return True

    def _keep_limits(self, fleet: list[Used]) -> Slot | None:
        found = due(fleet, self._fleet.config.consumers.recycle)
        if found is None:
            return None
        slot = self._fleet.slots[found.slot]
        self._chronicle.recycled(slot, found.why)
        return slot

    def _memory(self) -> Memory | None:
        host = self._host()
        return Memory(host.memory_bytes, host.memory_free_bytes) if host is not None else None

    def _is_complete(self) -> bool:
        """No slot is down: there is a consumer in each, and it is ready and alive."""
        return all(slot.child is not None and slot.child.ready_at and not slot.hung for slot in self._fleet.members)

    def _working(self) -> list[tuple[Slot, Child, Report]]:
        """Whose numbers are known; the first ones come when its app is loaded, before it handles anything."""
        children = [(slot, slot.child) for slot in self._fleet.members if slot.child is not None]
        return [(slot, child, child.report) for slot, child in children if child.report is not None]

    def _used(self, slot: Slot, child: Child, report: Report, now: float) -> Used:
        start = self._starts.get(slot.number)
        if start is None or start.child is not child:
            start = self._starts[slot.number] = _Start(child, self._random.random(), report.rss_bytes)
        used = Used(
            slot=slot.number,
            messages=child.calls_begun,
            rss_bytes=report.rss_bytes,
            first_rss_bytes=start.rss_bytes,
            age_s=now - child.forked_at,
            lot=start.lot,
        )
        self._check_start(slot, start, used)
        return used

    def _check_start(self, slot: Slot, start: _Start, used: Used) -> None:
        """Say once that a limit is of no use to this process; once more for another limit."""
        limits = self._fleet.config.consumers.recycle
        if begins_too_large(used, limits) and start.told_of != limits.memory:
            start.told_of = limits.memory
            self._chronicle.not_recycled(slot, start.rss_bytes)
