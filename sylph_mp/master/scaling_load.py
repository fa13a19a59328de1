"""Makes of the consumers' totals what goes on: how busy they are, and how much more comes than is done.

Pure; owned by the master, on its loop thread. Nothing here looks at how much a consumer has queued: that is its own
prefetch, and says more of its appetite than of the load.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from math import sqrt
from types import MappingProxyType

from msgspec import Struct

from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.histogram import merge, quantile_s
from sylph_mp.master.scaling_signals import ConsumerSignal, TopicSignal

#: Shares are means of this time: the shortest in which reports of one a second say something.
WINDOW_S = 3.0
#: Reports kept of a process: slow handlers need a longer look back for their rate.
KEPT = 31
#: So many messages make a rate.
ENOUGH = 20
#: Younger messages have hardly waited at the broker.
OLD_S = 1.0
#: What has piled up there is to be gone in this time; up to the next, what is planned to be spare will do it alone.
CATCH_UP_S = 60.0
BEHIND_S = 20.0
#: The most that one look may see come for each message done.
MOST_PRESSURE = 4.0

NOT_RISING: Mapping[str, float] = MappingProxyType({})


class Load(Struct, frozen=True, kw_only=True):
    """Of all consumers that have told twice."""

    consumers: int
    threads: int
    busy: float
    """Threads in handler calls, on average."""
    calls: int
    """Async calls that may go on at once."""
    calls_busy: float
    cpu: float
    """Cores."""
    wait_p99_s: float | None
    """Received to started."""
    age_s: float | None
    """How old messages are when they are received."""
    receive_s: float
    """How long a consumer is at what one receive may bring: a wait so long may be its own prefetch."""
    pressure: float
    """Messages that come for each that is done; above 1 they pile up somewhere."""
    rising_per_s: float
    """Messages a second that more wait in the brokers, of topics where that has been rising for some time."""
    rss_bytes: int
    """Of the largest consumer."""

    @property
    def busy_ratio(self) -> float:
        return min(1.0, self.busy / self.threads) if self.threads else 0.0

    @property
    def calls_ratio(self) -> float:
        return min(1.0, self.calls_busy / self.calls) if self.calls else 0.0

    @property
    def cpu_each(self) -> float:
        """Cores that one consumer takes; above 1 its handlers let go of the interpreter while they compute."""
        return self.cpu / self.consumers


class LoadMeter:
    def __init__(self) -> None:
        self._past: dict[int, deque[ConsumerSignal]] = {}

    def measure(self, consumers: Iterable[ConsumerSignal], *, rising: Mapping[str, float] = NOT_RISING) -> Load | None:
        """Take in the newest reports of all consumers there are; None while there is none that has told twice.

        `rising` are messages a second that more wait in the brokers, by topic.
        """
        newest = {consumer.pid: consumer for consumer in consumers}
        self._past = {pid: self._past.get(pid) or deque(maxlen=KEPT) for pid in newest}
        for pid, consumer in newest.items():
            past = self._past[pid]
            if not past or consumer.at > past[-1].at:
                past.append(consumer)
        told = [past for past in self._past.values() if len(past) > 1]
        return _load(told, rising) if told else None


Past = deque[ConsumerSignal]


def _load(told: list[Past], rising: Mapping[str, float]) -> Load:
    spans = [_Span(_since(past, WINDOW_S), past[-1]) for past in told]
    longer = [_lengthened(span, past) for span, past in zip(spans, told, strict=True)]
    ages = [topic.age_s for span in spans for topic in span.last.topics if topic.age_s is not None]
    lately = _flows(spans, rising)
    flows = lately if longer == spans else _flows(longer, rising)
    threads = sum(span.last.threads for span in spans)
    return Load(
        consumers=len(told),
        threads=threads,
        busy=sum((span.last.busy_s - span.first.busy_s) / span.s for span in spans),
        calls=sum(span.last.calls for span in spans),
        calls_busy=sum((span.last.calls_s - span.first.calls_s) / span.s for span in spans),
        cpu=sum((span.last.cpu_s - span.first.cpu_s) / span.s for span in spans),
        wait_p99_s=quantile_s(merge(_waits(told)), 0.99),
        age_s=sum(ages) / len(ages) if ages else None,
        receive_s=MAX_BATCH * len(told) / threads * _each_s(flows.values()),
        pressure=_surest_pressure((lately, flows), behind_s=min(ages, default=0.0)),
        rising_per_s=sum(rising.values()),
        rss_bytes=max(span.last.rss_bytes for span in spans),
    )


class _Span:
    """Two reports of one process."""

    def __init__(self, first: ConsumerSignal, last: ConsumerSignal) -> None:
        self.first, self.last = first, last
        self.s = last.at - first.at

    def topics(self) -> Iterator[tuple[TopicSignal, TopicSignal]]:
        if self.first.topics is self.last.topics:
            return iter(())  # nothing was told of any of them in between
        before = {topic.topic: topic for topic in self.first.topics}
        return ((before[topic.topic], topic) for topic in self.last.topics if topic.topic in before)


def _since(past: Past, seconds: float) -> ConsumerSignal:
    """The report that is so old; the next older one, as none comes to the second."""
    last = past[-1].at
    return next((past[at] for at in range(len(past) - 2, -1, -1) if last - past[at].at >= seconds - 0.5), past[0])


def _waits(told: Iterable[Past]) -> Iterator[Mapping[int, int]]:
    """Of the last WINDOW_S."""
    for past in told:
        first = past[-1].at - WINDOW_S
        for report in reversed(past):
            if report.at <= first:
                break
            yield from (topic.wait for topic in report.topics if topic.wait)


class _Flow:
    """One topic in all consumers."""

    def __init__(self) -> None:
        self.received = 0
        self.arrived_per_s = 0.0
        self.rising_per_s = 0.0
        """In the brokers."""
        self.started_per_s = 0.0
        self.run_s = 0.0
        self.started = 0

    @property
    def comes_per_s(self) -> float:
        """By how messages age or, where more and more waits in the brokers, by their counts: what either has seen."""
        if not self.rising_per_s:
            return self.arrived_per_s
        counted = min(self.started_per_s + self.rising_per_s, MOST_PRESSURE * self.started_per_s)
        return max(self.arrived_per_s, counted)

    @property
    def each_s(self) -> float:
        """Handler time of one message."""
        return self.run_s / self.started if self.started else 0.0

    def add(self, span: _Span, before: TopicSignal, after: TopicSignal) -> None:
        received = after.received - before.received
        self.received += received
        self.arrived_per_s += received / span.s / (1.0 - _ageing(span, before, after))
        self.started_per_s += (after.started - before.started) / span.s
        self.run_s += after.run_s - before.run_s
        self.started += after.started - before.started


Flows = dict[str, _Flow]


def _ageing(span: _Span, before: TopicSignal, after: TopicSignal) -> float:
    """By how many seconds a second messages get older until they are received.

    With `a` coming and `r` received a second it is 1 - r/a: so a = r / (1 - it), though the broker is not asked.
    """
    if before.age_s is None or after.age_s is None or max(before.age_s, after.age_s) < OLD_S:
        return 0.0
    return min(1.0 - 1.0 / MOST_PRESSURE, (after.age_s - before.age_s) / span.s)


def _flows(spans: Iterable[_Span], rising: Mapping[str, float]) -> Flows:
    flows: Flows = {}
    for span in spans:
        for before, after in span.topics():
            flows.setdefault(after.topic, _Flow()).add(span, before, after)
    for topic, per_s in rising.items():
        if topic in flows:
            flows[topic].rising_per_s = per_s
    return flows


def _each_s(flows: Collection[_Flow]) -> float:
    """Handler time of a message, all topics."""
    started = sum(flow.started for flow in flows)
    return sum(flow.run_s for flow in flows) / started if started else 0.0


def _surest_pressure(views: Iterable[Flows], *, behind_s: float) -> float:
    """The most that any of them is sure of.

    A long look back is sure of what goes on in a slow fleet, and takes a step of load for a small one as long as most
    of it lies before that; a short one sees all of it, and knows it from fewer messages.
    """
    return max(_pressure(flows.values(), behind_s=behind_s) for flows in views)


def _pressure(flows: Collection[_Flow], *, behind_s: float) -> float:
    """What comes over what is done, each message counting by its handler's time; never more than is certain.

    A rate of n messages is uncertain by 1/sqrt(n) of itself. `behind_s` is how old messages are when received.
    """
    done = sum(flow.started_per_s * flow.each_s for flow in flows)
    received = sum(flow.received for flow in flows)
    if done <= 0 or not received:
        return 1.0
    comes = sum(flow.comes_per_s * flow.each_s for flow in flows) * (1.0 - 1.0 / sqrt(received))
    return min(MOST_PRESSURE, comes / done + max(0.0, behind_s - BEHIND_S) / CATCH_UP_S)


def _lengthened(span: _Span, past: Past) -> _Span:
    """In which one process has done enough messages to speak of a rate; the same one where it has."""
    first = _enough(past)
    return span if first is span.first else _Span(first, span.last)


def _enough(past: Past) -> ConsumerSignal:
    """The report since which it has, WINDOW_S old at least."""
    last = past[-1]
    done = _started(last) - ENOUGH
    for report in reversed(past):
        if last.at - report.at >= WINDOW_S - 0.5 and report.topics is not last.topics and _started(report) <= done:
            return report
    return past[0]


def _started(report: ConsumerSignal) -> int:
    return sum(topic.started for topic in report.topics)
