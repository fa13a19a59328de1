"""Decides how many consumers there may be, and what sets that limit. Pure."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from sylph_mp.control.quantities import share, size, spaced
from sylph_mp.master.scaling_load import Load
from sylph_mp.master.scaling_signals import Bounds, FleetSignal
from sylph_mp.shm.segment import SHM_FOLDER

#: A host that is busier gets no further consumer: it would take from the others what it adds. Nor does one with less
#: left than half of what a consumer takes: on full cores all look busy, and each moment's rest would let one more in.
HOST_CPU = 0.90
#: But so much of the cores is ours, whatever others there do: handlers that only wait are to grow beside them.
OWN_CPU = 0.50
#: This share of the memory is left alone.
MEMORY_RESERVE = 0.10
#: A consumer takes some of a core even if its handlers only wait.
LEAST_CORES = 0.02


class Room(Struct, frozen=True):
    limit: Literal["processes", "shards", "shared memory", "memory", "cpu"]
    consumers: int
    why: str
    """Why not more: `processes.max is 4 (config.toml:9)`."""


def room(signal: FleetSignal, load: Load, bounds: Bounds) -> Room:
    """The narrowest limit; never below what is wanted already, as a limit ends no consumer."""
    narrowest = min(_limits(signal, load, bounds), key=lambda limit: limit.consumers)
    return replace(narrowest, consumers=max(signal.wanted, narrowest.consumers))


def _limits(signal: FleetSignal, load: Load, bounds: Bounds) -> Iterator[Room]:
    most, host = bounds.processes.max, signal.host
    yield Room("processes", most, f"processes.max is {most} ({bounds.place})")
    shards = "is 1 shard" if signal.shards == 1 else f"are {signal.shards} shards"
    yield Room("shards", signal.shards, f"there {shards}, and a consumer without one would have nothing to do")
    yield Room("shared memory", signal.wanted + signal.shm_slots, f"{SHM_FOLDER} holds no further slot")
    if load.rss_bytes > 0:
        free = host.memory_free_bytes - MEMORY_RESERVE * host.memory_bytes
        yield Room(
            "memory",
            signal.wanted + max(0, int(free / load.rss_bytes)),
            f"a consumer takes {spaced(size(load.rss_bytes))}, "
            f"{spaced(size(host.memory_free_bytes))} of {spaced(size(host.memory_bytes))} are free",
        )
    if host.cpu_ratio is not None:
        each = max(LEAST_CORES, load.cpu_each)
        idle = max(0.0, HOST_CPU - host.cpu_ratio) * host.cores
        yield Room(
            "cpu",
            max(signal.wanted + round(idle / each), int(OWN_CPU * host.cores / each)),
            f"host CPU {spaced(share(host.cpu_ratio))}, up to {spaced(share(HOST_CPU))}",
        )
