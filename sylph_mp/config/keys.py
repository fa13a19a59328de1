"""Every key that a configuration may have: its kind, its bounds and what it is for.

The reference page, `sylph config show` and the checks all read this. Defaults stand in the schema only.
"""

from types import MappingProxyType
from typing import Any, get_args

import msgspec
from msgspec import Struct

from sylph_mp.config.key import Key, Path, Table
from sylph_mp.config.kinds import (
    Address,
    Choice,
    Endpoints,
    Flag,
    Kind,
    Number,
    OnlyTable,
    OptionalSize,
    Rate,
    Size,
    Slots,
    Text,
    Urls,
    Whole,
)
from sylph_mp.config.schema import (
    BrokersCopy,
    Consumers,
    Control,
    Instance,
    Logging,
    LogLevel,
    Producers,
    Range,
    Recycle,
    RetryPolicy,
    Topic,
)

HOUR_S = 3600.0


def _defaults(schema: type[Struct]) -> dict[str, Any]:
    fields = msgspec.structs.fields(schema)
    return {field.name: field.default for field in fields if field.default is not msgspec.NODEFAULT}


def _table(name: str, doc: str, schema: type[Struct] | None, keys: list[Key], names: Kind | None = None) -> Table:
    defaults = _defaults(schema) if schema else {}
    filled = {
        key.name: msgspec.structs.replace(key, default=defaults.get(key.name)) if key.default is None else key
        for key in keys
    }
    return Table(name=name, doc=doc, keys=MappingProxyType(filled), names=names)


def _range(low: int, high: int, *, zero: bool = False) -> tuple[Key, Key]:
    return (
        Key(name="min", kind=Whole(low, high), doc="At least so many.", example=str(low)),
        Key(name="max", kind=Whole(0 if zero else low, high), doc="At most so many.", example=str(high)),
    )


_RETRY = _defaults(RetryPolicy)
_RETRY_PARTS = (
    Key(name="first_s", kind=Number(0, HOUR_S * 12), doc="Wait before the second delivery.", default=_RETRY["first_s"]),
    Key(name="factor", kind=Number(1, 100), doc="Each further wait is so many times longer.", default=_RETRY["factor"]),
    Key(name="max_s", kind=Number(0, HOUR_S * 12), doc="No wait is longer.", default=_RETRY["max_s"]),
    Key(name="jitter", kind=Number(0, 1), doc="Share by which a wait is changed at random.", default=_RETRY["jitter"]),
)

_RECYCLE = _defaults(Recycle)
_RECYCLE_PARTS = (
    Key(
        name="messages",
        kind=Whole(0, 10**9),
        doc="When it has begun so many handler calls; 0: never for that.",
        default=_RECYCLE["messages"],
    ),
    Key(
        name="memory",
        kind=OptionalSize(16 << 20, 1 << 40),
        doc='When its resident set is so large; "": never for that.',
        default=_RECYCLE["memory"],
    ),
    Key(
        name="age_s",
        kind=Number(0, 240 * HOUR_S),
        doc="When it has lived so long; 0: never for that.",
        default=_RECYCLE["age_s"],
    ),
)

# RocketMQ 5.5.0: org.apache.rocketmq.client.Validators and TopicValidator.
_LEGAL = "letters, digits, _ - % |"
TOPIC_NAME = Text("topic name", r"[%|A-Za-z0-9_-]+", _LEGAL, 127)
GROUP_NAME = Text("group name", r"[%|A-Za-z0-9_-]+", _LEGAL, 120)
INSTANCE_NAME = Text("name of an instance", r"[A-Za-z0-9_-]+", "letters, digits, _ -", 64)
_FILE = Text("file name")

APP = Key(
    name="app",
    kind=Text("module:attribute", r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"),
    doc="`module:attribute` of the App that holds the handlers, imported with the configuration's folder on the path.",
    example='"workers.orders:app"',
)

TOP = _table("", "", None, [APP])

INSTANCE = _table(
    "instances",
    "A RocketMQ cluster, reached through its proxies. Topics use `default` where they do not name another.",
    Instance,
    [
        Key(
            name="endpoints",
            kind=Endpoints(),
            doc="`host:port` of the proxies, with `;` between. `embedded`: `sylph run` starts a broker in memory.",
            example='"127.0.0.1:8081"',
        ),
        Key(name="access_key", kind=Text("access key"), doc="Who we are, for the broker.", secret=True),
        Key(name="secret_key", kind=Text("secret key"), doc="Signs every call.", secret=True),
        Key(name="namespace", kind=Text("namespace", r"[%A-Za-z0-9_-]*"), doc="Goes before every topic and group."),
        Key(name="tls", kind=Flag(), doc="Encrypt the connection."),
        Key(name="ca_file", kind=_FILE, doc="Certificates to trust, PEM; without it those of the system."),
        Key(name="cert_file", kind=_FILE, doc="Our own certificate, PEM, where the proxy asks for one."),
        Key(name="key_file", kind=_FILE, doc="The key of `cert_file`, PEM."),
        Key(name="request_timeout_s", kind=Number(0.1, 60), doc="Time limit of a call that is no long poll."),
        Key(
            name="metrics",
            kind=Urls(),
            doc="Where its brokers tell Prometheus how many messages wait, `;` between: BACKLOG in `sylph status`.",
            example='"http://127.0.0.1:5557/metrics"',
        ),
    ],
    names=INSTANCE_NAME,
)

_INHERITED = [
    Key(
        name="group",
        kind=GROUP_NAME,
        doc="Consumer group: the broker remembers for it what was consumed. It must exist.",
        example='"orders-service"',
        inherited=True,
    ),
    Key(name="instance", kind=INSTANCE_NAME, doc="The [instances.NAME] that has the topic.", inherited=True),
    Key(
        name="lease_s",
        # the proxy's minInvisibleTimeMillsForRecv and maximum, 5.5.0
        kind=Number(10, 12 * HOUR_S),
        doc="How long a delivery stays invisible to others; renewed while it is in flight.",
        inherited=True,
    ),
    Key(
        name="time_limit_s",
        kind=Number(0.1, 12 * HOUR_S),
        doc="A handler call that runs longer is ended and tried again; its process too if it does not come back.",
        inherited=True,
    ),
    Key(
        name="max_attempts",
        kind=Whole(1, 1000),
        doc="Deliveries of one message before it goes to the dead-letter topic.",
        inherited=True,
    ),
    Key(
        name="retry",
        kind=OnlyTable(),
        doc="Wait before delivery n+1: first_s * factor^(n-1), at most max_s, changed at random by jitter.",
        parts=_RETRY_PARTS,
        inherited=True,
    ),
    Key(
        name="strikes",
        kind=Whole(1, 10),
        doc="Crashes while a message ran, at which it goes to quarantine.",
        inherited=True,
    ),
    Key(
        name="quarantine",
        kind=Choice(get_args(BrokersCopy)),
        doc="What becomes of the broker's copy of a message in quarantine: dead-letter topic, or gone (ack).",
        inherited=True,
    ),
]

CONSUMERS = _table(
    "consumers",
    "What holds for every consumer process; the last eight keys are what topics inherit.",
    Consumers,
    [
        Key(
            name="processes",
            kind=Whole(0, 256),
            doc="Consumer processes. A single number fixes them; max = 0 means one per core.",
            default=Range(1, 4),
            parts=_range(1, 256, zero=True),
        ),
        Key(
            name="threads",
            kind=Whole(1, 256),
            doc="WorkerPool threads of one process. A single number fixes them.",
            default=Range(8, 8),
            parts=_range(1, 256),
        ),
        Key(name="async_calls", kind=Whole(1, 65536), doc="Most calls of async handlers at once in one process."),
        Key(name="buffer", kind=Size(1 << 20, 4 << 30), doc="Message arena of one process, in shared memory."),
        Key(
            name="outbox",
            kind=Size(64 << 10, 1 << 30),
            doc="What the handlers of one process send, until the master has it; a message takes half of it at most.",
        ),
        Key(name="in_flight", kind=Whole(32, 65536), doc="Most deliveries that one process holds."),
        Key(name="drain_s", kind=Number(0, HOUR_S), doc="Time to finish what is in flight when a process stops."),
        Key(name="boot_s", kind=Number(1, HOUR_S), doc="Time from fork to ready; importing the app counts."),
        Key(
            name="recycle",
            kind=OnlyTable(),
            doc="When a process is replaced on purpose, one at a time; up to a tenth sooner, to have them spread.",
            parts=_RECYCLE_PARTS,
        ),
        *_INHERITED,
    ],
)

TOPIC = _table(
    "topics",
    "A topic that has a handler.",
    Topic,
    [
        Key(name="shards", kind=Whole(1, 256), doc="Receive loops, spread over the consumer processes."),
        Key(
            name="filter", kind=Text("tag expression", r"[^\x00-\x1f]+"), doc="Tags to receive: `*`, or `paid || sent`."
        ),
        Key(
            name="filter_sql", kind=Text("SQL92 filter"), doc="SQL92 on properties instead: `region = 'eu' AND n > 3`."
        ),
        Key(name="rate", kind=Rate(), doc="Most messages that all processes together start to handle: `500/s`."),
        Key(
            name="burst",
            kind=Whole(0, 1_000_000),
            doc="How many of them may start at once after a pause; 0: what `rate` gives in half a second.",
        ),
        Key(
            name="slots",
            kind=Slots(256),
            doc="The only slots that its shards are placed on: `1-2`. Others may be there.",
        ),
        *_INHERITED,
    ],
    names=TOPIC_NAME,
)

PRODUCERS = _table(
    "producers",
    "How the master sends what handlers send. A handler's output always waits for room, and is never given up.",
    Producers,
    [
        Key(name="queue", kind=Whole(256, 10_000_000), doc="Most messages of one instance on their way at once."),
        Key(name="queue_bytes", kind=Size(1 << 20, 4 << 30), doc="The same in bytes."),
        Key(
            name="batch",
            kind=Flag(),
            doc="Many messages in one request. `false` for brokers before 5.3.4, which mix up properties and ids then.",
        ),
        Key(name="batch_bytes", kind=Size(64 << 10, 4 << 20), doc="Largest request; a broker takes 4 MiB."),
        Key(
            name="linger_ms",
            kind=Whole(0, 1000),
            doc="Wait for more messages while requests are on the wire. Adjusts itself to the answers within this.",
            default=Range(0, 20),
            parts=_range(0, 1000),
        ),
        Key(
            name="in_flight",
            kind=Whole(1, 500),
            doc="Most requests on the wire, for each topic. Adjusts itself to the answers, from few upwards.",
        ),
    ],
)

CONTROL = _table(
    "control",
    "How the master is looked at and steered.",
    Control,
    [
        Key(
            name="socket",
            kind=Text("file name", r"[^\x00-\x1f]+"),
            doc="Unix socket of the master, from the configuration's folder.",
            default="sylph.sock",
        ),
        Key(name="http", kind=Address(), doc="`host:port` of metrics and health; empty for none. It has no login."),
        Key(
            name="state",
            kind=Text("folder name", r"[^\x00-\x1f]+"),
            doc="Folder for crash reports, quarantine and strikes, from the configuration's folder. Made at start.",
        ),
    ],
)

LOG = _table(
    "log",
    "What master and consumers say on stderr.",
    Logging,
    [Key(name="level", kind=Choice(get_args(LogLevel)), doc="Lines of this level and above are printed.")],
)

#: In the order of the reference page.
TABLES = (TOP, INSTANCE, CONSUMERS, TOPIC, PRODUCERS, CONTROL, LOG)


def key_of(path: Path) -> Key | None:
    """The key that a path means; None where there is none."""
    table, rest = _table_of(path)
    if table is None or not rest:
        return None
    key = table.keys.get(rest[0])
    for name in rest[1:]:
        key = next((part for part in key.parts if part.name == name), None) if key else None
    return key


def _table_of(path: Path) -> tuple[Table | None, Path]:
    if len(path) <= 1:
        return TOP, path
    table = next((table for table in TABLES if table.name == path[0]), None)
    if table is None:
        return None, path
    return table, path[2:] if table.names else path[1:]
