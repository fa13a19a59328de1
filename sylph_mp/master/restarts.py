"""Decides when a slot whose consumer died is started again.

Pure: the master's control pass gives it the time.
"""

from collections.abc import Sequence

from msgspec import Struct

#: Longest wait; somebody watching a recovery should see an attempt each minute.
MAX_DELAY_S = 60.0


class Rules(Struct, frozen=True):
    """What counts as a crash loop; times in seconds."""

    window_s: float = 60.0
    most: int = 5
    """The death that makes it so many within the window is the last."""
    second_delay_s: float = 0.5
    """Before the second restart; each further one waits twice as long, the first does not wait."""


class Restart(Struct, frozen=True):
    at: float


class GiveUp(Struct, frozen=True):
    deaths: int


def after_death(deaths: Sequence[float], now: float, *, rules: Rules) -> Restart | GiveUp:
    """Say when to restart after the newest of `deaths`, or that this slot is in a crash loop."""
    recent = sum(now - at < rules.window_s for at in deaths)
    if recent >= rules.most:
        return GiveUp(deaths=recent)
    if recent <= 1:
        return Restart(at=now)
    return Restart(at=now + min(rules.second_delay_s * 2 ** (recent - 2), MAX_DELAY_S))
