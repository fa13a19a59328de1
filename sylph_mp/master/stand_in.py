"""The consumer in the spare slot, which runs another slot's shards while the consumer there is replaced.

Called by the rollout, on the master's loop thread. The fleet knows from `stands_in_for` whose shards it runs.
"""

from collections.abc import Callable
from typing import Literal

from sylph_mp.config.schema import Config
from sylph_mp.errors import ResourceError
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.slot import Slot

Presence = Literal["awaited", "ready", "failed", "none"]


class StandIn:
    """One at most; who is awaited comes, fails, or there is room for none."""

    def __init__(self, *, fleet: Fleet, lacks_room: Callable[[], str | None], chronicle: Chronicle) -> None:
        """`lacks_room` says why the host has none for one more consumer, if so."""
        self._fleet = fleet
        self._lacks_room = lacks_room
        self._chronicle = chronicle
        self._slot: Slot | None = None
        self._crashes = 0

    @property
    def slot(self) -> Slot | None:
        """Where it is, or is to be."""
        return self._slot

    def present_for(self, slot: Slot, config: Config) -> Presence:
        """Have one for a slot, of that configuration; to be asked until it is not awaited any more."""
        spare = self._slot
        if spare is None:
            return self._lend(slot, config)
        if spare.wanted:
            self._slot = None
            return "none"  # scaled up meanwhile: it has work of its own
        if spare.crashes > self._crashes:
            return "failed"
        spare.stands_in_for = slot.number
        return "ready" if spare.worker is not None else "awaited"

    def dismiss(self) -> None:
        """It drains; whom it stood in for runs its own shards."""
        if self._slot is not None:
            self._slot.stands_in_for = None
            self._slot = None

    def _lend(self, slot: Slot, config: Config) -> Presence:
        spare = self._fleet.spare
        if spare.child is not None or spare.held:
            return "awaited"  # the last one has yet to end
        spare.config = config
        why = self._lacks_room() or _memory_lacks(spare)
        if why is not None:
            self._chronicle.not_stood_in(slot, why)
            return "none"
        spare.forgive()
        spare.stands_in_for = slot.number
        self._slot, self._crashes = spare, spare.crashes
        return "awaited"


def _memory_lacks(spare: Slot) -> str | None:
    try:
        spare.reserve()
    except ResourceError as error:
        return str(error)
    return None
