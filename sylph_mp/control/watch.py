"""Makes a problem of a symptom that lasts, and keeps it in sight until it was away for its time: nothing flaps.

Owned by the master, on its loop thread; time is passed in.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from sylph_mp.control.symptoms import Key, Symptom


class Problem(Struct, frozen=True, kw_only=True):
    """A symptom with its time; the symptom is the newest seen."""

    symptom: Symptom
    since: float
    """CLOCK_MONOTONIC"""
    seen_since: float
    """When it was seen first; `since` may be earlier, as some symptoms know when they began."""
    over_since: float | None = None
    """None while it holds."""
    lasted: bool = True
    """Whether it was seen for as long as it has to hold."""


class Watch:
    def __init__(self) -> None:
        self._problems: dict[Key, Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What has lasted and has not been over for long enough, in no order."""
        return tuple(problem for problem in self._problems.values() if problem.lasted)

    def look(self, symptoms: Iterable[Symptom], now: float) -> None:
        """Take in all symptoms of this moment."""
        seen = {symptom.key: symptom for symptom in symptoms}
        for key, problem in list(self._problems.items()):
            if key not in seen:
                self._miss(key, problem, now)
        for key, symptom in seen.items():
            before = self._problems.get(key)
            seen_since = before.seen_since if before else now
            self._problems[key] = Problem(
                symptom=symptom,
                since=symptom.began if symptom.began is not None else seen_since,
                seen_since=seen_since,
                lasted=now - seen_since >= symptom.holds_s,
            )

    def _miss(self, key: Key, problem: Problem, now: float) -> None:
        over_since = now if problem.over_since is None else problem.over_since
        if not problem.lasted or now - over_since >= problem.symptom.clears_s:
            del self._problems[key]
        else:
            self._problems[key] = replace(problem, over_since=over_since)
