"""What every screen, probe and program sees of a fleet: the object of schema `sylph.status/1`.

Made in the master, read in the command's process. Within /1 keys are only added, never renamed or retyped; values of
`verdict`, `state` and `problems[].code` may be added, so these are plain strings here. Unknown is null. Units are SI
and in the names; times are RFC 3339 in UTC.
"""

from msgspec import Struct

from sylph_mp.control.autoscale_status import AutoscaleStatus

SCHEMA = "sylph.status/1"


class ProblemStatus(Struct, frozen=True, kw_only=True):
    code: str
    slot: int | None = None
    topic: str | None = None
    instance: str | None = None
    since: str
    over_since: str | None = None
    """Set while it is over but not yet for as long as it had to hold."""
    value: float
    """What was measured, in the unit of `threshold`."""
    threshold: float
    sentence: str
    """Complete, as the first line has it."""
    text: str
    """Short, as the list of problems has it."""
    next: str


class NoteStatus(Struct, frozen=True, kw_only=True):
    """Worth knowing, but nobody's problem."""

    code: str
    slot: int | None = None
    topic: str | None = None
    since: str
    by: str | None = None
    sentence: str
    """As the first line has it; `text` says how long ago as well."""
    text: str
    next: str


class MasterStatus(Struct, frozen=True, kw_only=True):
    pid: int
    state: str
    """starting, running or stopping"""
    uptime_s: float
    host: str
    version: str
    config: str
    processes_min: int
    processes_max: int
    processes_wanted: int
    cpu_s: float
    rss_bytes: int
    quarantined: int
    """Messages in quarantine."""


class RunningStatus(Struct, frozen=True, kw_only=True):
    """A handler call going on."""

    thread: int | None
    """From 1; null: an async handler."""
    topic: str
    handler: str
    message: str
    attempt: int
    run_s: float
    limit_s: float | None


class SlotStatus(Struct, frozen=True, kw_only=True):
    """Counts are from the master's start, of all processes that ran in the slot."""

    slot: int
    pid: int | None
    state: str
    state_s: float
    """How long it has been in `state`; for `hung` the age of the heartbeat."""
    uptime_s: float | None
    beat_age_s: float | None
    cpu_ratio: float | None
    """Of one core."""
    rss_bytes: int | None
    """From the newest report: a process that does nothing keeps its memory."""
    guarded: bool
    """Recycled for want of memory in the last minute."""
    threads: int | None
    busy_ratio: float | None
    """Share of the threads' time spent in handlers."""
    rate_per_s: float | None
    in_flight: int
    in_flight_limit: int
    buffer_used_bytes: int | None
    buffer_bytes: int
    received: int
    acked: int
    retried: int
    dead: int
    restarts: int
    crashes: int
    last_exit: str | None
    retry_in_s: float | None
    shards: tuple[str, ...]
    """`topic/number`"""
    stands_in_for: int | None
    """The slot whose shards they are, while its own consumer is replaced."""
    running: tuple[RunningStatus, ...]
    """The longest first."""


class ErrorStatus(Struct, frozen=True, kw_only=True):
    """One kind of handler failure in the last 10 minutes."""

    kind: str
    text: str
    place: str
    count: int
    share_ratio: float
    """Of all failures of the topic in that time."""


class TopicStatus(Struct, frozen=True, kw_only=True):
    topic: str
    group: str
    instance: str
    state: str
    shards: int
    received: int
    started: int
    acked: int
    retried: int
    dead: int
    failed: int
    """Handler calls that raised."""
    handed_back: int
    expired: int
    unshared: int
    running: int
    queued: int | None
    held: int | None
    """Done, not yet settled."""
    rate_per_s: float | None
    """Settled with Ack, mean of 10 s."""
    fail_ratio: float | None
    """(Retry + DeadLetter) / settled, of 60 s."""
    wait_p50_s: float | None
    wait_p99_s: float | None
    run_p50_s: float | None
    run_p99_s: float | None
    end_p50_s: float | None
    end_p99_s: float | None
    """From the broker's store time to settled with Ack, of 60 s."""
    skewed: int
    """Of those, how many seemed to end before they were stored: the clocks differ."""
    backlog: int | None
    """Messages that wait in the broker; None if nobody says."""
    oldest_s: float | None
    errors: tuple[ErrorStatus, ...]
    """The most frequent, at most 5."""
    minute_rates_per_s: tuple[float | None, ...] = ()
    """Settled with Ack, of each of the last 15 whole minutes at most, the newest last."""
    minute_fail_ratios: tuple[float | None, ...] = ()
    """(Retry + DeadLetter) / settled, of the same minutes."""


class ProducerStatus(Struct, frozen=True, kw_only=True):
    """What handlers send to one topic as one kind of message; counts are from the master's start."""

    topic: str
    instance: str
    kind: str
    """normal, fifo, delay or priority"""
    state: str
    """running, or failing: the last request was not answered with success"""
    rate_per_s: float | None
    """Stored, mean of 10 s."""
    queued: int
    in_flight: int
    """On the wire, or waiting for the next try."""
    batch_size: float | None
    """Messages of a request, on average."""
    linger_s: float
    latency_p50_s: float | None
    latency_p99_s: float | None
    """From the master's taking it to its receipt, of 60 s."""
    stored: int
    batches: int
    retries: int
    failures: int
    error: str | None
    why: str
    """What linger, batch size and requests on the wire were adjusted to."""


class InstanceStatus(Struct, frozen=True, kw_only=True):
    name: str
    endpoint: str
    state: str
    """running, failing, away or unknown"""
    since: str | None
    """Since when no call is answered."""
    tries: int | None
    error: str | None
    leases_end: str | None = None
    """While it is away: when the first lease of what is held ends; the broker then delivers that message again."""


class Snapshot(Struct, tag=SCHEMA, tag_field="schema", frozen=True, kw_only=True):
    at: str
    verdict: str
    """healthy, degraded, broken, no-master or unknown"""
    sentence: str
    """The worst problem, or what the fleet does; without the verdict."""
    next: str | None = None
    """A command that can be pasted; null where nothing is wrong."""
    problems: tuple[ProblemStatus, ...] = ()
    """Worst first."""
    notes: tuple[NoteStatus, ...] = ()
    master: MasterStatus | None = None
    slots: tuple[SlotStatus, ...] = ()
    topics: tuple[TopicStatus, ...] = ()
    instances: tuple[InstanceStatus, ...] = ()
    autoscale: AutoscaleStatus | None = None
    producers: tuple[ProducerStatus, ...] = ()
