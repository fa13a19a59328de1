"""A stop under way: its deadline, and what became of the deliveries that were in flight.

Owned by the supervisor, on the master's loop thread.
"""

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.child import Child


class Tally(Struct, frozen=True, kw_only=True):
    settled: int = 0
    handed_back: int = 0
    left: int = 0
    """Neither: these wait for their lease."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            settled=self.settled + other.settled,
            handed_back=self.handed_back + other.handed_back,
            left=self.left + other.left,
        )


class Shutdown:
    def __init__(self, *, drain_s: float, clock: Clock) -> None:
        self.began_at = clock.monotonic()
        self.deadline = Deadline(self.began_at + drain_s)
        self.tally = Tally()
        self.killed: list[int] = []
        """Slots whose consumer had not ended by the deadline."""

    def count(self, child: Child, held: int) -> None:
        """A consumer has ended; `held` is what was still in its slot's table."""
        if child.drained is not None:
            done = child.drained
            self.tally += Tally(settled=done.settled, handed_back=done.handed_back, left=done.left)
        else:
            done_so_far = child.progress
            self.tally += Tally(settled=done_so_far.settled, handed_back=done_so_far.handed_back, left=held)


class Stopped(Struct, frozen=True, kw_only=True):
    """How `sylph run` ended on request."""

    took_s: float
    tally: Tally

    @property
    def exit_code(self) -> int:
        return 1 if self.tally.left else 0

    @property
    def sentence(self) -> str:
        tally = self.tally
        return (
            f"stopped in {self.took_s:.1f} s: {tally.settled:,} settled, {tally.handed_back:,} handed back, "
            f"{tally.left:,} left to their lease."
        )
