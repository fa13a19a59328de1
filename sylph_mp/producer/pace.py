"""Decides how long to wait for more messages, how large a request may be and how many are on the wire. Pure.

Answers tell: as long as they come soon, more is sent at once; when they come late, less is.
"""

from msgspec import Struct

#: An answer within the least, or within so many times the quickest but not beyond the most, is soon; one that takes
#: twice as long is late.
_SOON_LEAST_S = 0.1
_SOON_TIMES = 3.0
_SOON_MOST_S = 0.5
#: How quickly the quickest answer is forgotten, an answer; how much of the newest the mean takes over.
_FORGET = 1.001
_NEWEST = 0.2
_LEAST_BATCH_BYTES = 64 << 10
_FIRST_BATCH_BYTES = 256 << 10


class Bounds(Struct, frozen=True, kw_only=True):
    linger_min_s: float
    linger_max_s: float
    batch_bytes: int
    in_flight: int


class Pace:
    """`first_in_flight` requests are on the wire at most before anything was measured."""

    def __init__(self, bounds: Bounds, *, first_in_flight: int) -> None:
        self._bounds = bounds
        self._in_flight = float(min(first_in_flight, bounds.in_flight))
        self._quickest_s = 0.0
        self._mean_s = 0.0
        self._reason = "nothing was measured yet"
        self.batch_bytes = min(_FIRST_BATCH_BYTES, bounds.batch_bytes)

    @property
    def in_flight(self) -> int:
        return max(1, int(self._in_flight))

    @property
    def linger_s(self) -> float:
        """While requests are on the wire; without any, nothing is waited for beyond the least."""
        return min(self._bounds.linger_max_s, max(self._bounds.linger_min_s, self._mean_s / 4))

    @property
    def least_linger_s(self) -> float:
        return self._bounds.linger_min_s

    @property
    def why(self) -> str:
        """`at most 4 of 64 requests on the wire, of 1,024 KiB, linger 2.1 ms: answers take 8.4 ms, soon is 100.0 ms`"""
        return (
            f"at most {self.in_flight} of {self._bounds.in_flight} requests on the wire, of"
            f" {self.batch_bytes >> 10:,} KiB, linger {1e3 * self.linger_s:.1f} ms: {self._reason}"
        )

    def answered(self, latency_s: float, *, full: bool, more_waits: bool) -> None:
        """A request was answered after `latency_s`; `full`: it had all that it may have."""
        self._quickest_s = min(latency_s, self._quickest_s * _FORGET) if self._quickest_s else latency_s
        self._mean_s += (latency_s - self._mean_s) * (_NEWEST if self._mean_s else 1.0)
        soon_s = max(_SOON_LEAST_S, min(_SOON_MOST_S, _SOON_TIMES * self._quickest_s))
        self._reason = f"answers take {1e3 * self._mean_s:.1f} ms, soon is {1e3 * soon_s:.1f} ms"
        if latency_s <= soon_s:
            if full:
                self.batch_bytes = min(self._bounds.batch_bytes, self.batch_bytes * 5 // 4)
            if more_waits:
                self._in_flight = min(float(self._bounds.in_flight), self._in_flight + 1 / self._in_flight)
        elif latency_s > 2 * soon_s:
            self._in_flight = max(1.0, self._in_flight * 0.9)
            if full:
                least = min(_LEAST_BATCH_BYTES, self._bounds.batch_bytes)
                self.batch_bytes = max(least, self.batch_bytes * 3 // 4)

    def refused(self, reason: str) -> None:
        """A request was not carried out for now: the server or the way to it is overloaded or away."""
        self._in_flight = max(1.0, self._in_flight / 2)
        self._reason = f"halved after: {reason}"
