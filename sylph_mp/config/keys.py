"""Every key that a configuration may have: its kind, its bounds and what it is for.

The reference page, `sylph config show` and the checks all read this. Defaults stand in the schema only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

import msgspec
from msgspec import Struct

from sylph_mp.config.kinds import Address, Choice, Endpoints, Flag, Kind, Number, OnlyTable, Size, Text, Whole
from sylph_mp.config.schema import BrokersCopy, Consumers, Control, Instance, Range, RetryPolicy, Topic

#: Where a key stands: ("topics", "orders", "shards").
Path = tuple[str, ...]

HOUR_S = 3600.0


class Key(Struct, frozen=True, kw_only=True):
    name: str
    kind: Kind
    doc: str
    default: Any = None
    """None: it must be given, or it is taken from elsewhere, as `doc` says."""
    parts: tuple["Key", ...] = ()
    """The keys of a value that is a table. What `kind` takes goes for all of them."""
    inherited: bool = False
    """A topic takes it from [consumers] where it does not say otherwise."""
    secret: bool = False
    """Comes from the environment only and is never printed."""
    example: str = ""
    """For the remedy where there is no default: TOML."""

    @property
    def remedy(self) -> str:
        """A right value, as TOML."""
        return self.example or self.show(self.default)

    @property
    def limits(self) -> str:
        """`1 to 256, default 8`"""
        default = "" if self.default is None or self.default in ("", ()) else f"default {self.show(self.default)}"
        return ", ".join(part for part in (self.kind.bounds, default) if part)

    def show(self, value: Any) -> str:
        """A value of this key as TOML."""
        if isinstance(value, Range) and value.min == value.max:
            return str(value.min)
        if self.parts:
            shown = (f"{part.name} = {part.show(getattr(value, part.name))}" for part in self.parts)
            return "{ " + ", ".join(shown) + " }"
        return self.kind.show(value)


class Table(Struct, frozen=True, kw_only=True):
    """One table of the file; `[topics.NAME]` where `names` says what a name is."""

    name: str
    doc: str
    keys: Mapping[str, Key]
    names: Kind | None = None

    @property
    def heading(self) -> str:
        return f"[{self.name}.NAME]" if self.names else f"[{self.name}]"


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
        Key(name="in_flight", kind=Whole(32, 65536), doc="Most deliveries that one process holds."),
        Key(name="drain_s", kind=Number(0, HOUR_S), doc="Time to finish what is in flight when a process stops."),
        Key(name="boot_s", kind=Number(1, HOUR_S), doc="Time from fork to ready; importing the app counts."),
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
        *_INHERITED,
    ],
    names=TOPIC_NAME,
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

#: In the order of the reference page.
TABLES = (TOP, INSTANCE, CONSUMERS, TOPIC, CONTROL)


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
