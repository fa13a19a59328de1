"""What `/metrics` answers: every number of a snapshot, in the text format of Prometheus.

Pure; run on the master's loop thread for each scrape. Totals are of all processes since the master's start, so they do
not fall when one is replaced. What is unknown is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Generic, Literal, TypeVar, get_args

from msgspec import Struct

from sylph_mp.control import prometheus_text as text
from sylph_mp.control.history import History, TopicHistory
from sylph_mp.control.status import InstanceStatus, MasterStatus, ProducerStatus, SlotStatus, Snapshot, TopicStatus
from sylph_mp.control.symptoms import CODES
from sylph_mp.histogram import BUCKETS, sum_s, upper_bound_us
from sylph_mp.lifecycle import SlotState, TopicState

T = TypeVar("T")

#: Upper bounds of the exported buckets, 1 ms to 67 s: powers of two, where buckets of `sylph_mp.histogram` end as well.
BOUNDS_US = tuple(1 << bits for bits in (*range(10, 21), 22, 24, 26))
VERDICTS = ("healthy", "degraded", "broken")
#: Of the text format that this module writes; every scraper takes it.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: As labels, with one for all that is longer; and into which of them a bucket of `sylph_mp.histogram` falls.
_BOUNDS = (*(("le", f"{bound / 1e6:g}") for bound in BOUNDS_US), ("le", "+Inf"))
_BOUND_OF = tuple(sum(bound < upper_bound_us(bucket) for bound in BOUNDS_US) for bucket in range(BUCKETS))


class Series(Struct, Generic[T], frozen=True):
    """A metric with one value for each row: the master, a topic, a slot."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    read: Callable[[T], float | None]


class Words(Struct, frozen=True):
    """A metric that counts of how many things a word holds, by word."""

    name: str
    label: str
    words: tuple[str, ...]
    help: str
    read: Callable[[Snapshot], Sequence[str]]


class Distribution(Struct, frozen=True):
    name: str
    help: str
    read: Callable[[TopicHistory], Mapping[int, int]]


MASTER: tuple[Series[MasterStatus], ...] = (
    Series("sylph_master_uptime_seconds", "gauge", "Since the master's start.", lambda m: m.uptime_s),
    Series("sylph_master_cpu_seconds_total", "counter", "CPU time of the master.", lambda m: m.cpu_s),
    Series("sylph_master_memory_bytes", "gauge", "Resident memory of the master.", lambda m: m.rss_bytes),
    Series("sylph_consumers_min", "gauge", "Fewest consumers, as configured.", lambda m: m.processes_min),
    Series("sylph_consumers_max", "gauge", "Most consumers, as configured.", lambda m: m.processes_max),
    Series("sylph_consumers_wanted", "gauge", "Consumers that there should be now.", lambda m: m.processes_wanted),
    Series("sylph_quarantine_messages", "gauge", "Messages in quarantine.", lambda m: m.quarantined),
)

TOPICS: tuple[Series[TopicStatus], ...] = (
    Series("sylph_deliveries_received_total", "counter", "Deliveries received.", lambda t: t.received),
    Series("sylph_deliveries_started_total", "counter", "Deliveries given to a handler.", lambda t: t.started),
    Series("sylph_deliveries_acked_total", "counter", "Settled with Ack.", lambda t: t.acked),
    Series("sylph_deliveries_retried_total", "counter", "Settled with Retry.", lambda t: t.retried),
    Series("sylph_deliveries_dead_total", "counter", "Settled with DeadLetter.", lambda t: t.dead),
    Series("sylph_handler_failures_total", "counter", "Handler calls that raised.", lambda t: t.failed),
    Series(
        "sylph_deliveries_handed_back_total", "counter", "Given back unhandled in a drain.", lambda t: t.handed_back
    ),
    Series("sylph_deliveries_expired_total", "counter", "Lease over before they were settled.", lambda t: t.expired),
    Series("sylph_deliveries_unshared_total", "counter", "Too large for the buffer.", lambda t: t.unshared),
    Series(
        "sylph_deliveries_skewed_total",
        "counter",
        "Settled before they were stored, by the clocks: these differ.",
        lambda t: t.skewed,
    ),
    Series("sylph_deliveries_running", "gauge", "In a handler.", lambda t: t.running),
    Series("sylph_deliveries_queued", "gauge", "Received, and waiting for a handler.", lambda t: t.queued),
    Series("sylph_deliveries_held", "gauge", "Done, and waiting to be settled.", lambda t: t.held),
    Series("sylph_backlog_messages", "gauge", "Waiting in the broker to be received.", lambda t: t.backlog),
    Series(
        "sylph_delivery_oldest_seconds",
        "gauge",
        "Age, when it was received, of the oldest message received of late.",
        lambda t: t.oldest_s,
    ),
)

SLOTS: tuple[Series[SlotStatus], ...] = (
    Series("sylph_slot_restarts_total", "counter", "Consumers started after the first.", lambda s: s.restarts),
    Series("sylph_slot_crashes_total", "counter", "Consumers that ended unasked.", lambda s: s.crashes),
    Series("sylph_slot_in_flight", "gauge", "Deliveries that it holds.", lambda s: s.in_flight),
    Series("sylph_slot_in_flight_limit", "gauge", "Most deliveries that it may hold.", lambda s: s.in_flight_limit),
    Series("sylph_slot_buffer_used_bytes", "gauge", "Message bytes in its buffer.", lambda s: s.buffer_used_bytes),
    Series("sylph_slot_buffer_bytes", "gauge", "Size of its buffer.", lambda s: s.buffer_bytes),
    Series("sylph_slot_threads", "gauge", "Threads of its WorkerPool.", lambda s: s.threads),
    Series(
        "sylph_slot_busy_ratio", "gauge", "Share of the threads' time in handlers, of 10 s.", lambda s: s.busy_ratio
    ),
    Series("sylph_slot_cpu_ratio", "gauge", "CPU of its consumer, of one core, of 10 s.", lambda s: s.cpu_ratio),
    Series("sylph_slot_memory_bytes", "gauge", "Resident memory of its consumer.", lambda s: s.rss_bytes),
    Series("sylph_slot_uptime_seconds", "gauge", "Since its consumer's start.", lambda s: s.uptime_s),
    Series("sylph_slot_heartbeat_age_seconds", "gauge", "Since its last heartbeat.", lambda s: s.beat_age_s),
)

PRODUCERS: tuple[Series[ProducerStatus], ...] = (
    Series("sylph_producer_stored_total", "counter", "Messages of handlers that were stored.", lambda p: p.stored),
    Series("sylph_producer_batches_total", "counter", "Requests that stored them.", lambda p: p.batches),
    Series("sylph_producer_retries_total", "counter", "Requests that were sent again.", lambda p: p.retries),
    Series("sylph_producer_failures_total", "counter", "Messages that were refused.", lambda p: p.failures),
    Series("sylph_producer_queued", "gauge", "Messages that wait for a request.", lambda p: p.queued),
    Series("sylph_producer_in_flight", "gauge", "Messages on the wire.", lambda p: p.in_flight),
    Series("sylph_producer_linger_seconds", "gauge", "How long a message waits for others.", lambda p: p.linger_s),
)

INSTANCES: tuple[Series[InstanceStatus], ...] = (
    Series(
        "sylph_instance_up",
        "gauge",
        "Whether its calls are answered.",
        lambda i: None if i.state == "unknown" else float(i.state != "away"),
    ),
)

WORDS = (
    Words("sylph_verdict", "verdict", VERDICTS, "1 for what the fleet is.", lambda s: (s.verdict,)),
    Words("sylph_problems", "code", CODES, "What is wrong now.", lambda s: [p.code for p in s.problems]),
    Words("sylph_topics", "state", get_args(TopicState), "Topics in a state.", lambda s: [t.state for t in s.topics]),
    Words("sylph_slots", "state", get_args(SlotState), "Slots in a state.", lambda s: [t.state for t in s.slots]),
)

DISTRIBUTIONS = (
    Distribution("sylph_delivery_wait_seconds", "Received to started.", lambda past: past.wait.total),
    Distribution("sylph_handler_run_seconds", "In the handler.", lambda past: past.run.total),
    Distribution(
        "sylph_delivery_end_seconds", "Stored by the broker to settled with Ack.", lambda past: past.end.total
    ),
)


def exposition(snapshot: Snapshot, history: History) -> bytes:
    """The answer to a scrape."""
    return "\n".join([*_lines(snapshot, history), ""]).encode()


def _lines(snapshot: Snapshot, history: History) -> Iterator[str]:
    masters = () if snapshot.master is None else (snapshot.master,)
    yield text.head("sylph_info", "gauge", "1, labelled with the version that runs.")
    yield from (text.line("sylph_info", (("version", master.version),), 1.0) for master in masters)
    for words in WORDS:
        yield from _counted(words, snapshot)
    yield from _series(MASTER, [((), master) for master in masters])
    yield from _series(TOPICS, [((("topic", topic.topic),), topic) for topic in snapshot.topics])
    yield from _distributions([(topic.topic, history.topic(topic.topic)) for topic in snapshot.topics])
    yield from _series(SLOTS, [((("slot", str(slot.slot)),), slot) for slot in snapshot.slots])
    yield from _series(PRODUCERS, [(_labels_of(producer), producer) for producer in snapshot.producers])
    yield from _series(INSTANCES, [((("instance", instance.name),), instance) for instance in snapshot.instances])


def _labels_of(producer: ProducerStatus) -> text.Labels:
    return ("instance", producer.instance), ("topic", producer.topic), ("kind", producer.kind)


def _series(group: Iterable[Series[T]], rows: Sequence[tuple[text.Labels, T]]) -> Iterator[str]:
    for series in group:
        yield text.head(series.name, series.kind, series.help)
        for labels, row in rows:
            value = series.read(row)
            if value is not None:
                yield text.line(series.name, labels, value)


def _counted(words: Words, snapshot: Snapshot) -> Iterator[str]:
    """A word that holds of nothing counts 0, so that an alert can tell it from a lost master."""
    yield text.head(words.name, "gauge", words.help)
    found = words.read(snapshot)
    for word in words.words:
        yield text.line(words.name, ((words.label, word),), found.count(word))


def _distributions(known: Sequence[tuple[str, TopicHistory | None]]) -> Iterator[str]:
    for distribution in DISTRIBUTIONS:
        name = distribution.name
        yield text.head(name, "histogram", distribution.help)
        for topic, past in known:
            labels = (("topic", topic),)
            counts = distribution.read(past) if past is not None else {}
            seen = list(accumulate(_in_bounds(counts)))
            for bound, count in zip(_BOUNDS, seen, strict=True):
                yield text.line(f"{name}_bucket", (*labels, bound), count)
            yield text.line(f"{name}_count", labels, seen[-1])
            yield text.line(f"{name}_sum", labels, sum_s(counts))


def _in_bounds(counts: Mapping[int, int]) -> list[int]:
    """How many are below each of the bounds and not below the one before it; the last has all others."""
    found = [0] * len(_BOUNDS)
    for bucket, count in counts.items():
        found[_BOUND_OF[bucket]] += count
    return found
