"""What master and consumer say to each other over the slot's pipe.

    master ── Assign, Drain, ReceiptsWritten, CheckTransaction ──► consumer
    master ◄─ Booted, Adopted, Ready, Refused, Report, OutputsPut, TransactionChecked,
              Stuck, Progress, Drained ───────────────────────────── consumer

Frames as in `sylph_mp.frames`, on a unix stream socket. The end of the stream means that the other side is gone.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from sylph_mp.api.message import Message
from sylph_mp.api.resolution import Resolution
from sylph_mp.config.schema import Config, LogLevel
from sylph_mp.errors import Problem


class Shard(Struct, frozen=True, order=True, array_like=True):
    """One receive loop: the `number`-th (from 0) of `topic`."""

    topic: str
    number: int


class Assign(Struct, tag=True, frozen=True, kw_only=True):
    """The complete set of shards that run here from now on, the size of the WorkerPool, and what the log says.

    A topic that is quiet has no shard here: its polls run out, what is queued is handled.
    """

    shards: tuple[Shard, ...]
    threads: int
    log_level: LogLevel


class Drain(Struct, tag=True, frozen=True):
    """Receive no more, finish what runs, hand back the rest, then exit; by `until` (CLOCK_MONOTONIC)."""

    until: float


class RefusedOutput(Struct, frozen=True, array_like=True):
    seq: int
    reason: str


class ReceiptsWritten(Struct, tag=True, frozen=True):
    """There are new receipts in the segment; what they say, so that nobody has to search them."""

    stored: tuple[tuple[int, int], ...]
    """Numbers of outputs, first and last."""
    refused: tuple[RefusedOutput, ...]


class CheckTransaction(Struct, tag=True, frozen=True):
    """Nobody has ended a transaction: the app's checker of the message's topic is to say what becomes of it."""

    number: int
    message: Message


Command = Assign | Drain | ReceiptsWritten | CheckTransaction


class Spawn(Struct, frozen=True, kw_only=True):
    """What a new consumer process is told by the forkserver, besides its end of the pipe."""

    slot: int
    segment: str
    """Name of the slot's shared memory."""
    config: Config
    master_pid: int
    stacks: str
    """File for the stacks of all threads at a fatal signal; "" for stderr."""
    rates: str
    """Name of the shared memory that holds the topics' rates."""
    rate_lines: dict[str, int]
    """Which of its lines a topic has."""
    log_form: Literal["text", "json"]


class Booted(Struct, tag=True, frozen=True, kw_only=True):
    """The app is loaded and fits the configuration."""

    handlers: dict[str, str]
    """The name of the function that handles each topic."""
    checkers: dict[str, str]
    """Topic -> instance, of those whose transactions the app can check."""
    load_s: float


class Adopted(Struct, tag=True, frozen=True, kw_only=True):
    """What became of the deliveries that the slot's last process left behind."""

    run: int
    """Queued again."""
    settled: int
    """Were done, and are settled as they were decided."""
    dropped: int
    """Their lease was over."""


class Ready(Struct, tag=True, frozen=True):
    """All sessions are open; it receives."""

    fifo_groups: tuple[str, ...]


class Refused(Struct, tag=True, frozen=True):
    """It cannot work, and trying again would not help; it exits with `exit_code`."""

    problems: tuple[Problem, ...]
    exit_code: int


class ErrorCount(Struct, frozen=True, array_like=True):
    """One kind of handler failure since the last report."""

    kind: str
    """Exception type, or `Retry`."""
    text: str
    """First line of its text."""
    place: str
    """`file:line` of the handler's frame."""
    count: int


class TopicReport(Struct, frozen=True, kw_only=True):
    """Counters are totals since the process started; histograms and errors are since the last report."""

    topic: str
    counters: dict[str, int]
    """By the names of `sylph_mp.shm.vitals.COUNTERS`."""
    running: int
    queued: int
    held: int
    """Done, not yet settled."""
    run_s: float
    """Total time in handlers."""
    wait_s: float
    """Total time from received to started."""
    wait: dict[int, int]
    run: dict[int, int]
    end: dict[int, int]
    """From the broker's store time to settled with Ack."""
    skewed: int
    """How many of `end` were negative: the clocks differ."""
    oldest_s: float | None
    """Age, when it was received, of the oldest message received since the last report."""
    errors: tuple[ErrorCount, ...]
    age_s: float | None = None
    """Mean age, when they were received, of the messages received since the last report."""


class InstanceReport(Struct, frozen=True, kw_only=True):
    """How the calls to one RocketMQ cluster fare, the worst of this consumer's sessions."""

    name: str
    endpoint: str
    answered_at: float | None
    failing_since: float | None
    tries: int
    error: str | None


class Report(Struct, tag=True, frozen=True, kw_only=True):
    """Once a second."""

    at: float
    """CLOCK_MONOTONIC"""
    topics: tuple[TopicReport, ...]
    """On the pipe those that differ from what was last told of them, in the first report all."""
    instances: tuple[InstanceReport, ...]
    threads: int
    busy_s: float
    """Total thread seconds spent in handlers."""
    cpu_s: float
    rss_bytes: int
    in_flight: int
    buffer_used: int
    polls: int
    """Receives outstanding."""
    calls: int = 0
    """How many async calls may go on at once; 0 where no handler is async."""
    calls_s: float = 0.0
    """Total seconds of async calls."""


class Progress(Struct, tag=True, frozen=True, kw_only=True):
    """While draining, when something changed."""

    running: int
    queued: int
    settled: int
    handed_back: int


class TransactionChecked(Struct, tag=True, frozen=True):
    """The answer to the CheckTransaction of that number."""

    number: int
    resolution: Resolution


class OutputsPut(Struct, tag=True, frozen=True):
    """There are outputs in the outbox, after it was empty."""


class Stuck(Struct, tag=True, frozen=True, kw_only=True):
    """A handler call beyond its time limit was told to end and did not: only the end of the process ends it."""

    thread: int | None
    """From 1; None is an async handler."""
    topic: str
    handler: str
    message: str
    """Id of the first, if it is a batch."""
    entries: tuple[int, ...]
    """Of its deliveries, in the in-flight table."""
    ran_s: float
    stack: str
    """A line for each call, the innermost first: `/srv/orders/workers/receipts.py:88 in render`."""


class Drained(Struct, tag=True, frozen=True, kw_only=True):
    """The last word before a clean exit; counts of the drain."""

    settled: int
    handed_back: int
    left: int
    """Neither settled nor handed back: these wait for their lease."""


News = Booted | Adopted | Ready | Refused | Report | OutputsPut | TransactionChecked | Progress | Drained | Stuck

COMMANDS: "msgspec.msgpack.Decoder[Command]" = msgspec.msgpack.Decoder(Command)
NEWS: "msgspec.msgpack.Decoder[News]" = msgspec.msgpack.Decoder(News)
