"""When the next message may go, so that no more than so many go in a second. Pure: the time is passed in."""

#: What may be caught up with after a pause, and how early a message may go: sleeping is no more precise than that.
_SLACK_S = 0.05


class Metronome:
    def __init__(self, per_s: float) -> None:
        """0: no limit."""
        self._interval_s = 1 / per_s if per_s else 0.0
        self._due: float | None = None

    def beat(self, now: float) -> float:
        """Take the next turn; returns how many seconds to wait before."""
        if not self._interval_s:
            return 0.0
        due = now if self._due is None else max(self._due, now - _SLACK_S)
        self._due = due + self._interval_s
        return due - now if due - now > _SLACK_S else 0.0
