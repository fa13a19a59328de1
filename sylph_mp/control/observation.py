"""What the master knows at one moment, as plain values: the input of `snapshot`, which makes of it what people see.

Built by the master on its loop thread from its own memory and the slots' segments; no consumer is asked.
Times are CLOCK_MONOTONIC seconds unless they say wall (seconds since 1970 UTC).
"""

from typing import Literal

from msgspec import Struct

from sylph_mp.lifecycle import SlotState
from sylph_mp.pipe import Report, Shard


class Running(Struct, frozen=True, kw_only=True):
    """A handler call going on, read from the in-flight table."""

    thread: int | None
    """WorkerPool thread from 1; None: an async handler."""
    topic: str
    handler: str
    """The function's name; the topic where no consumer is there to tell it."""
    message_id: str
    attempt: int
    started_at: float


class SlotObservation(Struct, frozen=True, kw_only=True):
    slot: int
    state: SlotState
    since: float
    """When the slot came into `state`."""
    pid: int | None
    started_at: float | None
    """When its process was forked; None without a process."""
    restarts: int
    """Processes that were started here after the first."""
    crashes: int
    """Of those that ended, how many did so without being asked."""
    last_exit: str | None
    """How the last process ended, in words: `SIGKILL`, `exit 1`."""
    retry_at: float | None
    """When a waiting slot is started again."""
    beat_at: float | None
    """Last heartbeat in the vitals."""
    report: Report | None
    """The newest of this process."""
    queued: int
    held: int
    running: tuple[Running, ...]
    in_flight_limit: int
    buffer_size: int
    shards: tuple[Shard, ...]
    """What is placed here now."""


class QuietMark(Struct, frozen=True, kw_only=True):
    """Somebody made a topic quiet."""

    since_wall: float
    by: str


class QuarantineMark(Struct, frozen=True, kw_only=True):
    """Messages are in quarantine."""

    messages: int
    since_wall: float
    """When the first of them came."""


class TopicObservation(Struct, frozen=True, kw_only=True):
    name: str
    group: str
    instance: str
    shards: int
    time_limit_s: float
    quiet: QuietMark | None


class Observation(Struct, frozen=True, kw_only=True):
    wall: float
    now: float
    host: str
    version: str
    pid: int
    state: Literal["starting", "running", "stopping"]
    started_at: float
    config_file: str
    processes_min: int
    processes_max: int
    wanted: int
    slots: tuple[SlotObservation, ...]
    topics: tuple[TopicObservation, ...]
    """In the configuration's order."""
    master_cpu_s: float
    master_rss_bytes: int
    slot_bytes: int
    """Shared memory that one slot needs."""
    shm_free_bytes: int
    quarantine: QuarantineMark | None
    """None if it is empty."""
