"""What the master knows at one moment, as plain values: the input of `snapshot`, which makes of it what people see.

Built by the master on its loop thread from its own memory and the slots' segments; no consumer is asked.
Times are CLOCK_MONOTONIC seconds unless they say wall (seconds since 1970 UTC).
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from sylph_mp.control.autoscale_status import AutoscaleStatus
from sylph_mp.lifecycle import SlotState
from sylph_mp.pipe import Report, Shard
from sylph_mp.producer.tally import LaneSnapshot


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


class MemoryMark(Struct, frozen=True, kw_only=True):
    """A consumer was recycled because the host or the control group had hardly any memory left."""

    at: float
    rss_bytes: int
    total_bytes: int
    """Of the host, or of the control group if that had less left."""
    used_ratio: float
    """How much of that was used, by all."""
    handlers: tuple[str, ...]
    """What ran there, the longest first."""


class CrashLoop(Struct, frozen=True, kw_only=True):
    """Why a slot was given up."""

    crashes: int
    within_s: float
    """From the first of them to the last."""


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
    """How the last process ended, in words: `SIGSEGV (exit -11)`."""
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
    guarded: MemoryMark | None = None
    """The last time that its consumer was recycled for want of memory."""
    loop: CrashLoop | None = None
    """None unless it is given up."""
    stands_in_for: int | None = None
    """The slot whose shards are run here while its own consumer is replaced."""


class QuietMark(Struct, frozen=True, kw_only=True):
    """Somebody made a topic quiet."""

    since_wall: float
    by: str


class LiveMark(Struct, frozen=True, kw_only=True):
    """Somebody set a key of the configuration while the master ran."""

    key: str
    value: str
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
    handler: str | None = None
    """The name of the function that handles it; None until a consumer has told it."""
    backlog: int | None = None
    """Messages that wait in the broker; None if nobody says."""


class ProducerObservation(Struct, frozen=True, kw_only=True):
    """What goes to one topic as one kind of message, from all consumers."""

    instance: str
    lane: LaneSnapshot


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
    slots_without_memory: int
    """All have theirs from the start on, unless there are more since."""
    quarantine: QuarantineMark | None
    """None if it is empty."""
    live: tuple[LiveMark, ...] = ()
    """What is set otherwise than the file says, the oldest first."""
    autoscale: AutoscaleStatus | None = None
    producers: tuple[ProducerObservation, ...] = ()
    """Those that sent something of late."""
    leases_end: Mapping[str, float] = {}
    """Instance that is away -> when the first lease ends of what is held of its topics; read of no other."""
