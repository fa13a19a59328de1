"""Decides whether a consumer is to be waited for, reported as hung, or killed.

Pure: the master's control pass gives it the vitals and the time.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from sylph_mp.control.facts import HUNG_S, KILL_S

#: Between asking a hung consumer for its stacks and killing it.
STACKS_S = 1.0
#: A hung consumer in which a handler call has run for so many of its time limits is killed without waiting for KILL_S:
#: its own watchdog would have ended that call by now.
OVER_LIMIT = 1.5


class Call(Struct, frozen=True):
    """A handler call that goes on, as the in-flight table shows it."""

    started_at: float
    limit_s: float


class Signs(Struct, frozen=True, kw_only=True):
    """Signs of life of one consumer; CLOCK_MONOTONIC seconds."""

    forked_at: float
    booted_at: float | None
    """When its app was loaded. Whether the broker is there has no part in this."""
    beat_at: float | None
    calls: Sequence[Call] = ()
    """Of a consumer that is known to be hung."""


class Alive(Struct, frozen=True):
    pass


class Hung(Struct, frozen=True):
    silent_s: float


class Kill(Struct, frozen=True):
    cause: Literal["boot", "beat"]
    after_s: float


Verdict = Alive | Hung | Kill


def judge(signs: Signs, now: float, *, boot_s: float, watching_since: float) -> Verdict:
    """Judge a consumer that was not asked to stop.

    `watching_since`: when the master itself last resumed. If the host or the master stood still, so did the
    consumers' heartbeats, and nobody is to be killed for that.
    """
    if signs.booted_at is None:
        booting_s = now - max(signs.forked_at, watching_since)
        return Kill("boot", booting_s) if booting_s > boot_s else Alive()
    silent_s = now - max(signs.booted_at, signs.beat_at or 0.0, watching_since)
    if silent_s > KILL_S or (silent_s > HUNG_S + STACKS_S and _is_overdue(signs.calls, now, watching_since)):
        return Kill("beat", silent_s)
    return Hung(silent_s) if silent_s > HUNG_S else Alive()


def _is_overdue(calls: Sequence[Call], now: float, watching_since: float) -> bool:
    return any(now - max(call.started_at, watching_since) > OVER_LIMIT * call.limit_s for call in calls)
