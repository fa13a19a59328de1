"""Says how fast what waits in the brokers grows, by topic, where their metrics pages tell. Pure; fixed memory.

A single count says nothing: what waits may have been there for days, and is worked off or not. Only what has grown from
count to count counts, and of that the least: a sum that jumps about is not rising.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import pairwise

from sylph_mp.master.scaling_signals import BacklogSignal

#: Counts that must each be above the one before.
RISES = 3


class BacklogMeter:
    def __init__(self) -> None:
        self._past: dict[str, deque[BacklogSignal]] = {}

    def measure(self, backlogs: Iterable[BacklogSignal], *, since: float) -> Mapping[str, float]:
        """Take in the newest counts; messages a second that more are waiting, by topic, where they have been rising.

        What was counted before `since` says nothing any more: the fleet was another one.
        """
        newest = {backlog.topic: backlog for backlog in backlogs}
        self._past = {topic: self._past.get(topic) or deque(maxlen=RISES + 1) for topic in newest}
        for topic, backlog in newest.items():
            past = self._past[topic]
            if not past or backlog.at > past[-1].at:
                past.append(backlog)
        rising = {topic: _least_rise(past) for topic, past in self._past.items() if past[0].at >= since}
        return {topic: per_s for topic, per_s in rising.items() if per_s > 0}


def _least_rise(past: deque[BacklogSignal]) -> float:
    """Messages a second; 0 unless there are enough counts, each above the one before."""
    if len(past) <= RISES:
        return 0.0
    rises = ((after.messages - before.messages) / (after.at - before.at) for before, after in pairwise(past))
    return max(0.0, min(rises))
