"""Counts what one lane does, and the snapshot of it. On the loop thread."""

from collections import deque

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.histogram import Histogram, merge, quantile_s

#: What latencies in a snapshot are about.
WINDOW_S = 60.0
#: And its rate.
RATE_S = 10.0


class LaneSnapshot(Struct, frozen=True, kw_only=True):
    """One topic and kind of message, at one moment."""

    topic: str
    kind: str
    """`normal`, `fifo`, `delay`, `transaction`, `priority`"""
    queued: int
    in_flight: int
    """Messages on the wire, or waiting for their next try."""
    requests: int
    """Of them."""
    stored: int
    """Messages, since the lane exists; so are all counts."""
    batches: int
    """Requests that stored something."""
    batch_size: float | None
    """Messages in one of them, on average."""
    retries: int
    """Requests that were sent again."""
    failures: int
    """Messages."""
    unknown: int
    """Failures of which the broker may have stored some."""
    dropped: int
    latency_p50_s: float | None
    """From submission to receipt, of the last minute."""
    latency_p99_s: float | None
    rate_per_s: float | None
    """Messages that were answered, mean of 10 s; None before the second look."""
    linger_s: float
    batch_bytes: int
    in_flight_limit: int
    """Requests."""
    why: str
    """What linger, batch size and requests on the wire were adjusted to."""
    error: str | None
    """Why the last request failed, while none has been answered since."""


class Tally:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latencies = Histogram()
        self._recent: deque[tuple[float, dict[int, int]]] = deque()
        self.stored = 0
        self.batches = 0
        self.retries = 0
        self.failures = 0
        self.unknown = 0
        self.dropped = 0
        self.error: str | None = None

    def count_latency(self, seconds: float, times: int) -> None:
        self._latencies.record(int(seconds * 1e6), times)

    def rate_per_s(self) -> float | None:
        """To be asked behind `latencies`, which looks."""
        newest = self._recent[-1][0]
        within = [(at, counts) for at, counts in self._recent if at > newest - RATE_S]
        took_s = newest - within[0][0]
        # What the first look in the window found is from before it.
        return sum(sum(counts.values()) for _, counts in within[1:]) / took_s if took_s else None

    def latencies(self) -> tuple[float | None, float | None]:
        """p50 and p99 of the last minute, in seconds; None where there was nothing."""
        now = self._clock.monotonic()
        self._recent.append((now, self._latencies.take()))
        while self._recent[0][0] < now - WINDOW_S:
            self._recent.popleft()
        counts = merge(part for _, part in self._recent)
        return quantile_s(counts, 0.5), quantile_s(counts, 0.99)
