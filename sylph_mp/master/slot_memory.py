"""The shared memory of a master: reserved whole at the start, so that it cannot run out later. On the loop thread."""

import os

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.control.quantities import size, spaced
from sylph_mp.logs import Log
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.rate_limits import RateLimits
from sylph_mp.master.slot import Slot, geometry_of
from sylph_mp.master.transcript import Transcript, step
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import (
    Segment,
    available_bytes,
    clear_left_over,
    needed_bytes,
    require,
    segment_name,
    segment_prefix,
)


class SlotMemory:
    """Segments are named after the control socket, so that the next master finds those of a killed one."""

    def __init__(self, config: Config, *, clock: Clock, log: Log) -> None:
        self._config = config
        self._prefix = segment_prefix(config.control.socket)
        self._clock = clock
        self._log = log

    @property
    def rates_name(self) -> str:
        """Of the memory that all consumers share: slots count from 1."""
        return segment_name(self._prefix, 0)

    def make_slot(self, number: int, config: Config) -> Slot:
        return Slot(number, config=config, make=self._make_segment, now=self._clock.monotonic())

    def make_fleet(self) -> Fleet:
        """Slots for all consumers that there may be, and a spare one; the fewest are wanted."""
        processes = self._config.consumers.processes
        *slots, spare = (self.make_slot(number, self._config) for number in range(1, processes.max + 2))
        fleet = Fleet(slots, spare=spare, config=self._config)
        fleet.scale(processes.min)
        return fleet

    async def reserve(self, fleet: Fleet, rate_limits: RateLimits, transcript: Transcript) -> None:
        """Raises ResourceError, with what would be enough."""
        config, slots = self._config, list(fleet.slots.values())
        async with step(transcript, "memory", clock=self._clock, waiting="reserving shared memory") as memory:
            for name in clear_left_over(self._prefix):
                self._log.warn("left-over", f"shared memory {name} of a master that was killed is removed")
            each = needed_bytes(geometry_of(config))
            there = available_bytes()
            place = config.places.get("consumers.buffer", "")
            require(each * len(slots), len(slots), buffer=config.consumers.buffer, place=place)
            for slot in slots:
                slot.reserve()
            rate_limits.reserve()
            total = spaced(size(each * len(slots)))
            memory.text = (
                f"{len(slots)} slots x {spaced(size(each))} = {total} of {spaced(size(there))} in /dev/shm"
                if len(slots) > 1
                else f"1 slot of {total} of {spaced(size(there))} in /dev/shm"
            )

    def _make_segment(self, slot: int, geometry: Geometry) -> Segment:
        name = segment_name(self._prefix, slot)
        return Segment.create(name, slot=slot, geometry=geometry, master_pid=os.getpid())
