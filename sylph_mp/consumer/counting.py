"""Counts what calls of one topic that are over came to. On the loop thread, once for all that a wake-up finds."""

from collections.abc import Sequence

from sylph_mp.consumer.delivery import ACKED, EXPIRED
from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.topic_stats import TopicStats


def count(stats: TopicStats, calls: Sequence[Call]) -> list[Call]:
    """Returns those that send something."""
    waits_ns: list[int] = []
    runs_ns: list[int] = []
    busy_ns = 0
    sending: list[Call] = []
    for call in calls:
        sends, took_ns = False, 0
        for delivery in call:
            result = delivery.result
            if result is ACKED:
                if delivery.outputs:
                    sends = True
            elif result is EXPIRED:
                continue
            else:
                assert result is not None
                if result.failure is not None:
                    stats.fail(result.failure, raised=result.raised)
            took_ns = delivery.ended_ns - delivery.started_ns
            waits_ns.append(delivery.started_ns - delivery.received_ns)
            runs_ns.append(took_ns)
        busy_ns += took_ns
        stats.pending -= len(call)
        if sends:
            sending.append(call)
    if runs_ns:
        stats.ran(waits_ns, runs_ns, busy_ns)
    return sending
