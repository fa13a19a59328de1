"""Decides which consumer is to be replaced for what it has handled, for its memory or its age.

Pure: the recycler tells it what the consumers have come to, and what memory is left.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sylph_mp.config.schema import Recycle
from sylph_mp.control.quantities import count, seconds, size, spaced
from sylph_mp.control.symptoms import GUARDED_RATIO

#: A process goes by up to this share before its limits, so that those that began together do not go together.
JITTER = 0.10
#: The guard acts when a smaller share of the memory is left than this.
RESERVE = 1.0 - GUARDED_RATIO
#: Who has grown by a smaller share of the memory is not worth replacing: as much would soon be used again.
LEAST_GAIN = 0.01


class Used(Struct, frozen=True, kw_only=True):
    """What one consumer process has come to."""

    slot: int
    messages: int
    """Handler calls that it began."""
    rss_bytes: int
    first_rss_bytes: int
    """When it had just begun: what its successor is going to need at once."""
    age_s: float
    lot: float
    """0 to 1, drawn for this process: how much of JITTER it goes before its limits."""


class Memory(Struct, frozen=True):
    """Of the host, or of the control group if that has less left."""

    total_bytes: int
    free_bytes: int

    @property
    def used_ratio(self) -> float:
        return 1.0 - self.free_bytes / self.total_bytes


class Due(Struct, frozen=True, kw_only=True):
    """A consumer that has reached one of its limits."""

    slot: int
    beyond: float
    """What was used, in shares of the limit of this process."""
    why: str


def due(fleet: Iterable[Used], limits: Recycle) -> Due | None:
    """The one that is furthest beyond a limit."""
    reached = [found for used in fleet for found in _reached(used, limits)]
    return max(reached, key=lambda found: found.beyond, default=None)


def guarded(fleet: Iterable[Used], memory: Memory) -> Used | None:
    """The fattest, when the memory comes to its end; nobody if none of them is to blame for it."""
    if memory.free_bytes >= RESERVE * memory.total_bytes:
        return None
    least = LEAST_GAIN * memory.total_bytes
    grown = [used for used in fleet if used.rss_bytes - used.first_rss_bytes >= least]
    return max(grown, key=lambda used: used.rss_bytes, default=None)


def lacks_room(rss_bytes: Iterable[int], memory: Memory) -> str | None:
    """Why there is none for one more consumer, if so: it may become as large as the smallest of those there are."""
    need = min(rss_bytes, default=0)
    if memory.free_bytes - need >= RESERVE * memory.total_bytes:
        return None
    return f"{spaced(size(memory.free_bytes))} of memory are left, and it may need {spaced(size(need))}"


def begins_too_large(used: Used, limits: Recycle) -> bool:
    """Its successor would reach the limit at once, and so on for ever: it is not replaced for its memory."""
    return 0 < limits.memory * _sooner(used) <= used.first_rss_bytes


def _reached(used: Used, limits: Recycle) -> Iterator[Due]:
    sooner = _sooner(used)
    if limits.messages and used.messages >= (own := limits.messages * sooner):
        handled, limit = count(used.messages), _limit(count(limits.messages), count(round(own)))
        yield Due(slot=used.slot, beyond=used.messages / own, why=f"has handled {handled} messages, {limit}")
    if limits.memory and used.rss_bytes >= (own := limits.memory * sooner) and not begins_too_large(used, limits):
        memory, limit = spaced(size(used.rss_bytes)), _limit(spaced(size(limits.memory)), spaced(size(own)))
        yield Due(slot=used.slot, beyond=used.rss_bytes / own, why=f"has used {memory}, {limit}")
    if limits.age_s and used.age_s >= (own := limits.age_s * sooner):
        age, limit = spaced(seconds(used.age_s)), _limit(spaced(seconds(limits.age_s)), spaced(seconds(own)))
        yield Due(slot=used.slot, beyond=used.age_s / own, why=f"has lived for {age}, {limit}")


def _sooner(used: Used) -> float:
    """By what its limits are multiplied."""
    return 1.0 - JITTER * used.lot


def _limit(configured: str, own: str) -> str:
    return f"limit {configured}" if own == configured else f"limit {configured}, with its jitter {own}"
