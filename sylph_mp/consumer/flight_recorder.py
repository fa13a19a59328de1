"""Decides what of a consumer's life its slot's flight recorder keeps.

Log lines come from any thread, under the lock of the log; outcomes and samples from the loop thread.
"""

import math
from collections.abc import Sequence

from sylph_mp.consumer.delivery import ACKED, Delivery
from sylph_mp.consumer.execution import Call
from sylph_mp.logs import OTHERS, Line, sentence
from sylph_mp.pipe import Report
from sylph_mp.shm.recorder import RecorderWriter

#: An Ack sooner than this after the one that was kept is left out: at 10,000 a second the recorder would hold a
#: hundredth of a second, and to write each would cost more than its entry in the in-flight table does.
ACK_SPACING_NS = 10_000_000


class FlightRecorder:
    def __init__(self, writer: RecorderWriter) -> None:
        self._writer = writer
        self._next_ack_ns = 0
        self._sampled: Report | None = None

    def line(self, line: Line) -> None:
        """At once, before it is printed: the next instruction may be the last."""
        text = f"{line.text}\n{line.trace}".rstrip() if line.event == OTHERS else sentence(line)
        self._writer.line(line.at.timestamp(), line.level, text)

    def finished(self, calls: Sequence[Call]) -> None:
        """Every delivery of these calls has its result."""
        for call in calls:
            for delivery in call:
                if delivery.result is ACKED:
                    if delivery.ended_ns < self._next_ack_ns:
                        continue
                    self._next_ack_ns = delivery.ended_ns + ACK_SPACING_NS
                self._decided(delivery)

    def sample(self, report: Report) -> None:
        """Memory, and the share of a core since the report before; NaN for the first."""
        before, self._sampled = self._sampled, report
        over_s = report.at - before.at if before is not None else 0.0
        share = (report.cpu_s - before.cpu_s) / over_s if before is not None and over_s > 0 else math.nan
        self._writer.sample(int(report.at * 1e9), report.rss_bytes, share)

    def ended_by(self, error: BaseException, place: str) -> None:
        """An exception that ends the process."""
        self._writer.last_words(f"{type(error).__name__} at {place}" if place else type(error).__name__)

    def _decided(self, delivery: Delivery) -> None:
        assert delivery.result is not None
        self._writer.outcome(
            delivery.ended_ns,
            delivery.ended_ns - delivery.started_ns,
            delivery.attempt,
            delivery.subscription.index,
            delivery.result.outcome,
            delivery.source.id,
        )
