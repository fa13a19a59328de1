"""How each topic fared in the last quarter of an hour, a number for each whole minute.

Owned by the master, on its loop thread; time comes with what is recorded.

Memory, fixed: 2 x 15 numbers a topic, at most 2.5 KiB; a status answer has at most 300 bytes more for it.
"""

from collections import deque

from sylph_mp.control import facts
from sylph_mp.control.history import History
from sylph_mp.control.observation import Observation
from sylph_mp.control.quantities import four_digits

MINUTES = 15
MINUTE_S = 60

Values = tuple[float | None, ...]
"""Of each of the last 15 whole minutes at most, the newest last; None is unknown."""


class Course:
    """Of one topic."""

    def __init__(self) -> None:
        self._rates: deque[float | None] = deque(maxlen=MINUTES)
        self._fails: deque[float | None] = deque(maxlen=MINUTES)

    @property
    def rates_per_s(self) -> Values:
        """Settled with Ack."""
        return tuple(self._rates)

    @property
    def fail_ratios(self) -> Values:
        """(Retry + DeadLetter) / settled; unknown where nothing was settled."""
        return tuple(self._fails)

    def add(self, rate_per_s: float | None, fail_ratio: float | None) -> None:
        self._rates.append(rate_per_s)
        self._fails.append(fail_ratio)


class Courses:
    def __init__(self) -> None:
        self._topics: dict[str, Course] = {}
        self._minute: int | None = None
        """The one that goes on."""

    def of(self, topic: str) -> Course:
        return self._topics.get(topic) or Course()

    def record(self, observation: Observation, history: History) -> None:
        """At the end of a minute keep what it was; those in which nobody looked are unknown."""
        minute = int(observation.now) // MINUTE_S
        missed = 0 if self._minute is None else min(minute - self._minute - 1, MINUTES)
        ended = self._minute is not None and minute > self._minute
        self._minute = minute
        if not ended:
            return
        hosts = facts.Hosts(observation)
        self._topics = {topic.name: self.of(topic.name) for topic in observation.topics}
        for name, course in self._topics.items():
            for _ in range(missed):
                course.add(None, None)
            course.add(*_minute_of(name, history, observation.now, silent=hosts.have_gone_silent(name)))


def _minute_of(name: str, history: History, now: float, *, silent: bool) -> tuple[float | None, float | None]:
    """RATE and FAIL of the minute that ends now."""
    past = history.topic(name)
    if past is None or silent:
        return None, None
    return four_digits(past.rates(MINUTE_S, now).acked), four_digits(past.failing(now).ratio)
