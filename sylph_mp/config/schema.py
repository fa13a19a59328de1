"""The configuration, complete and frozen: what `load` makes of file, environment and command line.

Everything inherits already: a `Topic` carries its own group, instance and limits. Units are in the names.
"""

from typing import Literal

from msgspec import Struct

from sylph_mp.errors import Problem

#: `endpoints` of an instance that `sylph run` is to start by itself, in memory.
EMBEDDED = "embedded"

#: What becomes of the broker's copy of a message that goes to quarantine.
BrokersCopy = Literal["dead-letter", "ack"]

#: Lines of the log that are less than this are not printed.
LogLevel = Literal["debug", "info", "warn", "error"]

#: What a producer does with a message when its queue is full.
Saturation = Literal["block", "caller_runs", "drop_newest", "drop_oldest", "raise"]


class Range(Struct, frozen=True):
    min: int
    max: int

    def within(self, number: int) -> int:
        """The nearest number that is."""
        return max(self.min, min(self.max, number))


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Wait before delivery n+1: first_s * factor**(n-1), at most max_s, changed by up to +-jitter of itself."""

    first_s: float = 1.0
    factor: float = 2.0
    max_s: float = 300.0
    jitter: float = 0.2


class Recycle(Struct, frozen=True, kw_only=True):
    """When a consumer is replaced on purpose, or up to a tenth before; 0: not for that."""

    messages: int = 0
    memory: int = 0
    """Bytes of its resident set."""
    age_s: float = 0.0


class Instance(Struct, frozen=True, kw_only=True):
    """A RocketMQ cluster."""

    name: str
    endpoints: tuple[str, ...]
    """`host:port` of its proxies; or (EMBEDDED,)."""
    access_key: str = ""
    """From SYLPH_INSTANCES_<NAME>_ACCESS_KEY only, never printed."""
    secret_key: str = ""
    namespace: str = ""
    tls: bool = False
    ca_file: str = ""
    """Absolute path; "" means the system's certificates."""
    cert_file: str = ""
    key_file: str = ""
    request_timeout_s: float = 3.0
    metrics: tuple[str, ...] = ()
    """URLs of its brokers' Prometheus pages."""


class Consumers(Struct, frozen=True, kw_only=True):
    """What holds for every consumer process, and what topics inherit."""

    processes: Range
    """How many; max is the number of slots. Resolved: never 0."""
    threads: Range
    """WorkerPool threads of one process."""
    async_calls: int = 100
    """Most calls of async handlers at once in one process."""
    buffer: int = 16 << 20
    """Bytes of the message arena of one slot."""
    outbox: int = 2 << 20
    """Bytes of the outbox of one slot: what handlers send, until the master has taken it."""
    in_flight: int = 1024
    """Most deliveries that one process holds."""
    drain_s: float = 25.0
    boot_s: float = 60.0
    """Most seconds from fork to ready; importing the app counts."""
    recycle: Recycle = Recycle()
    group: str = ""
    """"" where every topic names its own."""
    instance: str = "default"
    lease_s: float = 30.0
    time_limit_s: float = 30.0
    max_attempts: int = 16
    retry: RetryPolicy = RetryPolicy()
    strikes: int = 2
    """Crashes while a message ran before it goes to quarantine."""
    quarantine: BrokersCopy = "dead-letter"


class Topic(Struct, frozen=True, kw_only=True):
    name: str
    instance: str
    group: str
    shards: int = 1
    filter: str = "*"
    """Tag expression; unused where filter_sql is set."""
    filter_sql: str = ""
    rate: float = 0.0
    """Messages a second that all processes together start to handle; 0: no limit."""
    burst: int = 0
    """How many may start at once after a pause; 0: what the rate gives in half a second."""
    slots: tuple[int, ...] = ()
    """Where its shards are placed; () for all slots."""
    lease_s: float = 30.0
    time_limit_s: float = 30.0
    max_attempts: int = 16
    retry: RetryPolicy = RetryPolicy()
    strikes: int = 2
    quarantine: BrokersCopy = "dead-letter"


class Producers(Struct, frozen=True, kw_only=True):
    """How messages are sent: the outputs of handlers, and what the library sends."""

    saturation: Saturation = "block"
    """What a call does when the queue is full. The outputs of handlers always wait."""
    block_s: float = 30.0
    queue: int = 100_000
    """Most messages that wait or are on the wire, for each instance."""
    queue_bytes: int = 64 << 20
    batch: bool = True
    """False: one message a request, for servers before 5.3.4, which mix up the properties of a batch."""
    batch_bytes: int = 1 << 20
    """Larger ones cost no less a message, and their answers take longer."""
    linger_ms: Range = Range(0, 20)
    in_flight: int = 64
    """Most requests on the wire, for each topic and kind of message."""
    retries: int = 8
    give_up_s: float = 120.0
    """A message that is not stored by then has failed; infinity: it is tried as long as the process lives."""
    duplicates: bool = False
    """Send again where the answer did not come, although the message may have been stored."""


class Control(Struct, frozen=True, kw_only=True):
    socket: str
    """Absolute path of the unix socket."""
    http: str = ""
    """`host:port`, or "" for none."""
    state: str = "sylph.state"
    """Folder of what outlives a master: crash reports, quarantine, strikes. Absolute where it was loaded."""


class Logging(Struct, frozen=True, kw_only=True):
    level: LogLevel = "info"


class Config(Struct, frozen=True, kw_only=True):
    path: str
    """Absolute path of the file it was read from; its folder is on the app's import path."""
    app: str
    """`module:attribute`"""
    instances: dict[str, Instance]
    consumers: Consumers
    topics: dict[str, Topic]
    """By name, in the file's order."""
    control: Control
    producers: Producers = Producers()
    log: Logging = Logging()
    places: dict[str, str] = {}
    """Dotted key -> where it was set: `config.toml:17:9`, an environment variable, `--set KEY`. Defaults have none."""
    warnings: tuple[Problem, ...] = ()
    """What is allowed and yet likely to be a mistake."""
