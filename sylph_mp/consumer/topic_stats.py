"""The numbers of one topic in one process: counters since the process started, histograms since the last report.

Written on the loop thread only.
"""

from collections.abc import Sequence

from sylph_mp.consumer.delivery import Failure
from sylph_mp.histogram import Histogram
from sylph_mp.pipe import ErrorCount, TopicReport

#: Different failures kept between two reports; further kinds count as `others`.
MAX_FAILURES = 50
OTHERS = Failure("others", f"beyond {MAX_FAILURES} kinds in a second", "")
#: Weight of a new message in the moving means.
GAIN = 1 / 16


class TopicStats:
    __slots__ = (
        "acked",
        "aged",
        "ages_ms",
        "dead",
        "end",
        "expired",
        "failed",
        "failures",
        "frame_bytes",
        "handed_back",
        "oldest_age_ms",
        "pending",
        "polls",
        "received",
        "reserved",
        "reserved_bytes",
        "retried",
        "run",
        "run_ns",
        "run_s",
        "running",
        "skewed",
        "started",
        "unshared",
        "wait",
        "wait_ns",
    )

    def __init__(self) -> None:
        self.received = 0
        self.started = 0
        self.acked = 0
        self.retried = 0
        self.dead = 0
        self.failed = 0
        self.handed_back = 0
        self.expired = 0
        self.unshared = 0

        self.pending = 0
        """Admitted, and their handler call is not over."""
        self.polls = 0
        """Receives outstanding."""
        self.reserved = 0
        """Deliveries that the outstanding receives may bring."""
        self.reserved_bytes = 0.0
        self.frame_bytes = 1024.0
        """Moving mean of a frame's size."""
        self.run_s: float | None = None
        """Moving mean of a handler call's time for one message; None before the first."""

        self.wait = Histogram()
        self.run = Histogram()
        self.end = Histogram()
        self.wait_ns = 0
        self.run_ns = 0
        self.skewed = 0
        self.oldest_age_ms: int | None = None
        self.aged = 0
        self.ages_ms = 0
        """Ages of the `aged` messages received since the last report."""
        self.failures: dict[Failure, int] = {}

    def counters(self) -> tuple[int, ...]:
        """In the order of `sylph_mp.shm.vitals.COUNTERS`."""
        return (
            self.received,
            self.started,
            self.acked,
            self.retried,
            self.dead,
            self.failed,
            self.handed_back,
            self.expired,
            self.unshared,
        )

    def marks(self) -> tuple[int, ...]:
        """While none of these changes, nothing that a report says does, save what it says of the last second only."""
        return (*self.counters(), self.wait_ns, self.run_ns, len(self.failures))

    def ran(self, waits_ns: Sequence[int], runs_ns: Sequence[int], busy_ns: int) -> None:
        """Handler calls are over: how long each of their messages had waited and ran, and what all calls took."""
        messages = len(runs_ns)
        self.started += messages
        self.wait_ns += sum(waits_ns)
        self.run_ns += busy_ns
        self.wait.record_all(waits_ns)
        self.run.record_all(runs_ns)
        each_s = busy_ns / 1e9 / messages
        kept = (1 - GAIN) ** messages
        self.run_s = each_s if self.run_s is None else each_s + (self.run_s - each_s) * kept

    def ended(self, took_ms: int, messages: int) -> None:
        """So many messages were settled with Ack that long after the broker stored them."""
        if took_ms < 0:
            self.skewed += messages
            took_ms = 0
        self.end.record(took_ms * 1000, messages)

    def fail(self, failure: Failure, *, raised: bool) -> None:
        failures = self.failures
        if failure not in failures and len(failures) >= MAX_FAILURES:
            failure = OTHERS
        failures[failure] = failures.get(failure, 0) + 1
        self.failed += raised

    def saw(self, stored_ms: int, *, now_ms: int, messages: int) -> None:
        """So many messages were received; the first was stored then."""
        age_ms = now_ms - stored_ms
        if self.oldest_age_ms is None or age_ms > self.oldest_age_ms:
            self.oldest_age_ms = age_ms
        self.aged += messages
        self.ages_ms += age_ms * messages

    def take_report(self, topic: str, names: tuple[str, ...], *, queued: int, running: int, held: int) -> TopicReport:
        """The report, and a new start for what counts from the last one."""
        report = TopicReport(
            topic=topic,
            counters=dict(zip(names, self.counters(), strict=True)),
            running=running,
            queued=queued,
            held=held,
            run_s=self.run_ns / 1e9,
            wait_s=self.wait_ns / 1e9,
            wait=self.wait.take(),
            run=self.run.take(),
            end=self.end.take(),
            skewed=self.skewed,
            oldest_s=None if self.oldest_age_ms is None else max(0.0, self.oldest_age_ms / 1e3),
            errors=tuple(ErrorCount(f.kind, f.text, f.place, count) for f, count in self.failures.items()),
            age_s=max(0.0, self.ages_ms / self.aged / 1e3) if self.aged else None,
        )
        self.aged = self.ages_ms = 0
        self.skewed = 0
        self.oldest_age_ms = None
        self.failures = {}
        return report
