"""What `sylph top` has seen since it began: the last minute of some numbers, for their sparklines.

In the command's process; memory: 60 samples of each number.
"""

from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from sylph_mp.control.status import Snapshot

#: Looks that one bar of a sparkline stands for, and how many bars there are.
LOOKS_PER_BAR = 4
BARS = 15


class Sample(Struct, frozen=True):
    """Of one look; None: unknown."""

    rate_per_s: float | None
    end_p99_s: float | None
    """Of the topic where it is longest."""
    busy_ratio: float | None
    """Of all threads."""
    running: int
    """Consumers that run."""
    topics: dict[str, float | None]
    """RATE/S by topic."""


class Trends:
    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=LOOKS_PER_BAR * BARS)

    def add(self, snapshot: Snapshot) -> None:
        """Take in one look; one without a master is a gap."""
        self._samples.append(sample(snapshot))

    @property
    def newest(self) -> Sample | None:
        return self._samples[-1] if self._samples else None

    def rates(self) -> list[float | None]:
        return _bars([sample.rate_per_s for sample in self._samples])

    def ends(self) -> list[float | None]:
        return _bars([sample.end_p99_s for sample in self._samples])

    def busy(self) -> list[float | None]:
        return _bars([sample.busy_ratio for sample in self._samples])

    def running(self) -> list[float | None]:
        return _bars([float(sample.running) for sample in self._samples])

    def topic_rates(self, topic: str) -> list[float | None]:
        return _bars([sample.topics.get(topic) for sample in self._samples])


def sample(snapshot: Snapshot) -> Sample:
    rates = {topic.topic: topic.rate_per_s for topic in snapshot.topics}
    known = [rate for rate in rates.values() if rate is not None]
    ends = [topic.end_p99_s for topic in snapshot.topics if topic.end_p99_s is not None]
    busy = [(slot.busy_ratio, slot.threads) for slot in snapshot.slots if slot.busy_ratio is not None and slot.threads]
    threads = sum(count for _, count in busy)
    return Sample(
        rate_per_s=sum(known) if known else None,
        end_p99_s=max(ends, default=None),
        busy_ratio=sum(ratio * count for ratio, count in busy) / threads if threads else None,
        running=sum(slot.state == "running" for slot in snapshot.slots),
        topics=rates,
    )


def _bars(values: Sequence[float | None]) -> list[float | None]:
    """Means of LOOKS_PER_BAR values each, the last bar of the newest; None where none is known."""
    bars: list[float | None] = []
    for end in range(len(values), 0, -LOOKS_PER_BAR):
        known = [value for value in values[max(0, end - LOOKS_PER_BAR) : end] if value is not None]
        bars.insert(0, sum(known) / len(known) if known else None)
    return bars
