"""What the consumers' reports add up to: totals since the master's start, rates, percentiles, frequent errors.

Fed by the master on its loop thread with one report per consumer and second; knows no clock.

Memory, fixed: a topic takes 21 KiB for its rates (3 x 900 x 8 bytes, each from its first amount on), 36 histogram
parts of 5 s and 3 of all time with at most 320 buckets (typically 40: 85 KiB, at the very most 760 KiB), and 10 parts
of 1 min with at most 50 kinds of errors (at most 400 KiB); a slot takes 2 KiB, and 1 KiB a topic.
"""

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

from sylph_mp.control.ages import Ages
from sylph_mp.control.durations import Durations, Quantiles, quantiles
from sylph_mp.control.rings import CountWindow, Seconds
from sylph_mp.histogram import merge
from sylph_mp.pipe import Report, TopicReport

#: RATE/S and a slot's shares are means of this time.
RATE_S = 10
#: FAIL is a mean of this time.
FAIL_S = 60
#: The newest seconds are left out of rates: not all consumers have reported them yet.
LAG_S = 2
#: What did not fit into the buffer is told until nothing of the kind has come for so long.
UNSHARED_S = 600.0
#: Different errors shown per topic.
TOP_ERRORS = 5
#: An error's text is cut to this.
MAX_TEXT = 200

Errors = tuple[str, str, str]
"""Exception type, first line of its text, `file:line`."""

Counters = Mapping[str, int]


class Failing(Struct, frozen=True):
    """Of one topic in the last 60 s."""

    ratio: float | None
    """(Retry + DeadLetter) / settled; None if nothing was settled."""
    settled: float


class Rates(Struct, frozen=True):
    """Settled per second, by outcome; None before the first whole second."""

    acked: float | None
    retried: float | None
    dead: float | None


class ErrorTotal(Struct, frozen=True, kw_only=True):
    kind: str
    text: str
    place: str
    count: int
    share: float


class Shares(Struct, frozen=True):
    """Means of a slot's process over the last 10 s; None before its second report."""

    rate_per_s: float | None = None
    busy_ratio: float | None = None
    cpu_ratio: float | None = None


class Sample(Struct, frozen=True):
    """What one report of a process says; totals since it started."""

    at: float
    acked: int
    busy_s: float
    cpu_s: float
    threads: int


class TopicHistory:
    """One topic, all slots."""

    def __init__(self, at: float) -> None:
        self.totals: dict[str, int] = {}
        self.skewed = 0
        self.settled_at = at
        """When something was last settled; at first, when the topic was first heard of."""
        self.wait = Durations()
        """Received to started."""
        self.run = Durations()
        """In the handler."""
        self.end = Durations()
        """From the broker's store time to settled with Ack."""
        self.ages = Ages()
        """From the broker's store time to received."""
        self._acked = Seconds(at)
        self._retried = Seconds(at)
        self._dead = Seconds(at)
        self.unshared_since = at
        """When the first of those came that `unshared` counts."""
        self._unshared_until = at
        self._unshared = 0
        self._errors: CountWindow[Errors] = CountWindow(parts=10, part_s=60.0, keys=50, rest=("others", "", ""))

    def rate_per_s(self, now: float) -> float | None:
        return self._acked.mean(RATE_S, int(now) - LAG_S)

    def settled_per_s(self, now: float) -> float | None:
        rates = self.rates(RATE_S, now)
        if rates.acked is None or rates.retried is None or rates.dead is None:
            return None
        return rates.acked + rates.retried + rates.dead

    def rates(self, seconds: int, now: float) -> Rates:
        """Means of the last so many seconds."""
        last = int(now) - LAG_S
        return Rates(*(ring.mean(seconds, last) for ring in (self._acked, self._retried, self._dead)))

    def failing(self, now: float) -> Failing:
        acked, retried, dead = (ring.total(FAIL_S, int(now)) for ring in (self._acked, self._retried, self._dead))
        settled = acked + retried + dead
        return Failing((retried + dead) / settled if settled > 0 else None, settled)

    def unshared(self, now: float) -> int:
        """Deliveries that did not fit into the buffer, one after the other; 0 when it is over."""
        return self._unshared if now < self._unshared_until else 0

    def errors(self, now: float) -> tuple[ErrorTotal, ...]:
        """The most frequent of the last 10 minutes, the most frequent first."""
        counts = self._errors.merged(now)
        total = sum(counts.values())
        top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP_ERRORS]
        return tuple(
            ErrorTotal(kind=kind, text=text, place=place, count=count, share=count / total)
            for (kind, text, place), count in top
        )

    def count(self, more: Counters, begin: float, end: float) -> None:
        """Counters grew by `more` in that time."""
        for name, amount in more.items():
            self.totals[name] = self.totals.get(name, 0) + amount
        for name, ring in (("acked", self._acked), ("retried", self._retried), ("dead", self._dead)):
            ring.spread(more.get(name, 0), begin, end)
            if more.get(name):
                self.settled_at = max(self.settled_at, end)
        if unshared := more.get("unshared"):
            if not self.unshared(end):
                self.unshared_since, self._unshared = end, 0
            self._unshared += unshared
            self._unshared_until = end + UNSHARED_S

    def measure(self, report: TopicReport, at: float) -> None:
        """Take in what is in the report since the last one."""
        self.wait.add(report.wait, at)
        self.run.add(report.run, at)
        self.end.add(report.end, at)
        if report.age_s is not None:
            self.ages.add(report.age_s, at)
        self._errors.add({(e.kind, e.text[:MAX_TEXT], e.place): e.count for e in report.errors}, at)
        self.skewed += report.skewed


class SlotHistory:
    """One slot: totals of all its processes, and the newest of the one that runs."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.reported: dict[str, Counters] = {}
        """The running process's counters, by topic, as of its newest report."""
        self.reported_at: float | None = None
        self.acked = 0
        """By the running process, as of its newest report."""
        self._samples: deque[Sample] = deque(maxlen=RATE_S + 1)

    def shares(self) -> Shares:
        if len(self._samples) < 2:
            return Shares()
        first, last = self._samples[0], self._samples[-1]
        took = last.at - first.at
        return Shares(
            rate_per_s=(last.acked - first.acked) / took,
            busy_ratio=min(1.0, (last.busy_s - first.busy_s) / took / max(1, last.threads)),
            cpu_ratio=(last.cpu_s - first.cpu_s) / took,
        )

    def sample(self, report: Report) -> None:
        if self._samples and report.at <= self._samples[-1].at:
            return
        self._samples.append(Sample(report.at, self.acked, report.busy_s, report.cpu_s, report.threads))

    def process_ended(self) -> None:
        self.reported = {}
        self.reported_at = None
        self.acked = 0
        self._samples.clear()


class History:
    """Feed it `report` and `ended`; read `topic` and `slot`."""

    def __init__(self) -> None:
        self._topics: dict[str, TopicHistory] = {}
        self._slots: dict[int, SlotHistory] = {}

    def report(self, slot: int, report: Report) -> None:
        """One report of the process that runs in `slot`; a topic that it leaves out is as it was told last."""
        kept = self._slot(slot)
        begin = kept.reported_at if kept.reported_at is not None else report.at - 1.0
        for topic in report.topics:
            self._count(kept, topic.topic, topic.counters, begin, report.at)
            self._topics[topic.topic].measure(topic, report.at)
        kept.reported_at = report.at
        kept.sample(report)

    def ended(self, slot: int, final: Mapping[str, Counters] | None, *, at: float) -> None:
        """The process in `slot` is gone; `final` are its counters by topic, as its vitals have them.

        With them its totals hold what it did after its newest report; None where they could not be read.
        """
        kept = self._slot(slot)
        begin = kept.reported_at if kept.reported_at is not None else at - 1.0
        for topic, counters in (final or {}).items():
            self._count(kept, topic, counters, begin, at)
        kept.process_ended()

    @property
    def topics(self) -> Mapping[str, TopicHistory]:
        """Those that a report has named."""
        return self._topics

    def topic(self, name: str) -> TopicHistory | None:
        """None before the first report that names it."""
        return self._topics.get(name)

    def slot(self, number: int) -> SlotHistory | None:
        """None before its first report."""
        return self._slots.get(number)

    def rate_per_s(self, now: float) -> float:
        """Settled with Ack, all topics."""
        return sum(topic.rate_per_s(now) or 0.0 for topic in self._topics.values())

    def end(self, now: float) -> Quantiles:
        """Store to settled with Ack, all topics."""
        return quantiles(merge(topic.end.recent(now) for topic in self._topics.values()))

    def _slot(self, number: int) -> SlotHistory:
        if number not in self._slots:
            self._slots[number] = SlotHistory()
        return self._slots[number]

    def _count(self, slot: SlotHistory, name: str, counters: Counters, begin: float, end: float) -> None:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = TopicHistory(begin)
        before = slot.reported.get(name, {})
        more = {key: max(0, value - before.get(key, 0)) for key, value in counters.items()}
        topic.count(more, begin, end)
        for key, amount in more.items():
            slot.totals[key] = slot.totals.get(key, 0) + amount
        slot.acked += more.get("acked", 0)
        slot.reported[name] = {key: max(value, before.get(key, 0)) for key, value in counters.items()}
