"""Remembers how the calls to one proxy fare, for `Session.health`. On the loop thread."""

from sylph_mp.clock import Clock
from sylph_mp.ports import Health


class CallRecord:
    def __init__(self, endpoint: str, clock: Clock) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._answered_at: float | None = None
        self._failing_since: float | None = None
        self._tries = 0
        self._error: str | None = None

    def answered(self) -> None:
        """A call was answered, whatever the answer."""
        self._answered_at = self._clock.monotonic()
        self._failing_since = self._error = None
        self._tries = 0

    def failed(self, reason: str) -> None:
        """A call had no answer."""
        if self._failing_since is None:
            self._failing_since = self._clock.monotonic()
        self._tries += 1
        self._error = reason

    def health(self) -> Health:
        return Health(
            endpoint=self.endpoint,
            answered_at=self._answered_at,
            failing_since=self._failing_since,
            tries=self._tries,
            error=self._error,
        )
