"""What the autoscaler is told at each look: what the consumers' newest reports say, and what the host has left.

Plain values, made on the master's loop thread; totals are since the process started.
"""

from collections.abc import Mapping

from msgspec import Struct

from sylph_mp.config.schema import Range


class TopicSignal(Struct, frozen=True, kw_only=True):
    topic: str
    received: int
    started: int
    """Messages that went through the handler."""
    run_s: float
    """Time in handler calls."""
    age_s: float | None
    """Mean age of what was received since the last report."""
    wait: Mapping[int, int]
    """Histogram of what was started since the last report, received to started."""


class ConsumerSignal(Struct, frozen=True, kw_only=True):
    """One report of a consumer that takes work."""

    pid: int
    at: float
    """CLOCK_MONOTONIC"""
    threads: int
    busy_s: float
    """Thread seconds in handlers."""
    calls: int
    """How many async calls it may have at once; 0 where no handler is async."""
    calls_s: float
    """Seconds of async calls."""
    cpu_s: float
    rss_bytes: int
    topics: tuple[TopicSignal, ...]


class BacklogSignal(Struct, frozen=True):
    """A count of what waits in the brokers for one topic's group."""

    topic: str
    at: float
    """CLOCK_MONOTONIC"""
    messages: int


class HostSignal(Struct, frozen=True, kw_only=True):
    """The host, or the cgroup if that is narrower."""

    cores: float
    cpu_ratio: float | None
    """Of all cores, by everybody there; None before the second look."""
    memory_bytes: int
    memory_free_bytes: int


class FleetSignal(Struct, frozen=True, kw_only=True):
    now: float
    consumers: tuple[ConsumerSignal, ...]
    wanted: int
    threads: int
    """Wanted for each consumer."""
    lost: int
    """Slots among the wanted ones that gave up."""
    shards: int
    """Of all topics that are not quiet."""
    shm_slots: int
    """How many further slots have their shared memory, or find room for it."""
    host: HostSignal
    backlogs: tuple[BacklogSignal, ...]
    """The newest count of each topic whose brokers tell, and which nothing but the load holds up."""
    blocked: str | None
    """Why nothing is to be decided now, such as while consumers are replaced."""


class Bounds(Struct, frozen=True, kw_only=True):
    processes: Range
    threads: Range
    place: str
    """Where `processes` was set: `config.toml:9`."""
    threads_place: str

    @property
    def fixed(self) -> bool:
        return self.processes.min == self.processes.max and self.threads.min == self.threads.max
