"""Measures how heavy one shard of each topic is: the threads, or async calls, that it keeps busy, as mean of a minute.

Fed with the consumers' reports by the supervisor, on the master's loop thread.
"""

from collections import defaultdict
from collections.abc import Mapping

from sylph_mp.pipe import Report

#: Placement goes by whole windows of this length, so it is asked to move something at most once in one.
WINDOW_S = 60.0


class TopicLoads:
    def __init__(self) -> None:
        self._told: dict[int, dict[str, float]] = {}
        """By slot: what its process said last of the time in handler calls since it started, by topic."""
        self._run_s: defaultdict[str, float] = defaultdict(float)
        self._began: float | None = None

    def report(self, slot: int, report: Report) -> None:
        told = self._told.get(slot)
        if told is None:
            told = self._told[slot] = {topic.topic: topic.run_s for topic in report.topics}
        # Of the first one that comes nothing counts: it may have run for hours before this window.
        for topic in report.topics:
            last, run_s = told.get(topic.topic, 0.0), topic.run_s
            told[topic.topic] = run_s
            self._run_s[topic.topic] += run_s - last if run_s >= last else run_s  # less: another process began anew

    def weights(self, shards: Mapping[str, int], now: float) -> dict[str, float] | None:
        """Of one shard, by topic, when a window has ended; None before that. `shards` are how many a topic has."""
        if self._began is None:
            self._began = now
        took_s = now - self._began
        if took_s < WINDOW_S:
            return None
        weights = {topic: self._run_s[topic] / took_s / count for topic, count in shards.items()}
        self._began = now
        self._run_s.clear()
        return weights
