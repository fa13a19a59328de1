"""Time limits and the words for states, the same in master, consumer and control."""

from typing import Literal

from msgspec import Struct

from sylph_mp.clock import Clock

#: A broker that was away and has come back does not know its topics until it has registered: so long it is waited for.
REGISTERS_S = 60.0
#: STATE words of a slot: a closed list, ux section 4.
SlotState = Literal[
    "starting", "running", "quiet", "draining", "recycling", "stuck", "hung", "waiting", "gave-up", "empty"
]
#: STATE words of a topic.
TopicState = Literal["starting", "running", "quiet", "failing", "behind", "away"]


class Deadline(Struct, frozen=True):
    """An absolute time limit, made once at the top and handed down."""

    at: float
    """Seconds of CLOCK_MONOTONIC."""

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        return cls(clock.monotonic() + seconds)

    def left(self, clock: Clock) -> float:
        """Seconds left, 0 when passed."""
        return max(0.0, self.at - clock.monotonic())

    def passed(self, clock: Clock) -> bool:
        return clock.monotonic() >= self.at
