"""Decides what a stop that goes on tells: what was in flight, what became of it, and whom it waits for.

Pure: the master gives it a view of the fleet, ten times a second.
"""

from collections.abc import Sequence

from msgspec import Struct

from sylph_mp.control.observation import Running
from sylph_mp.control.quantities import duration, spaced
from sylph_mp.master.transcript import notice_times


class Call(Struct, frozen=True):
    """A handler call that the stop waits for."""

    slot: int
    call: Running


class View(Struct, frozen=True, kw_only=True):
    after_s: float
    """Since the stop began."""
    now: float
    running: int
    queued: int
    settled: int
    handed_back: int
    calls: Sequence[Call] = ()
    """The longest first."""
    killed: Sequence[int] = ()
    """Slots whose consumer was killed at the deadline."""


class StopStory:
    def __init__(self) -> None:
        self._told_begin = False
        self._told_back = 0
        self._told_settled = 0
        self._told_calls: Sequence[tuple[int, str]] = ()
        self._told_killed: set[int] = set()
        self._notices = notice_times()
        self._next_notice_s = next(self._notices)

    def tell(self, view: View) -> list[str]:
        """The lines that are due now."""
        lines = []
        if not self._told_begin:
            self._told_begin = True
            total = view.running + view.queued
            lines.append(f"{total:,} in flight: {view.running:,} running, {view.queued:,} queued")
        if view.queued == 0 and view.handed_back > self._told_back:
            lines.append(f"{view.handed_back - self._told_back:,} queued handed back to the broker")
            self._told_back = view.handed_back
        for slot in view.killed:
            if slot not in self._told_killed:
                self._told_killed.add(slot)
                lines.append(f"deadline: slot {slot} killed")
        if view.after_s >= self._next_notice_s:
            self._next_notice_s = next(self._notices)
            lines += self._whom_it_waits_for(view)
        return lines

    def _whom_it_waits_for(self, view: View) -> list[str]:
        settled = view.settled - self._told_settled
        self._told_settled = view.settled
        parts = [f"{settled:,} running settled"] if settled else []
        if view.calls:
            parts.append(f"{view.running:,} left: {self._longest(view)}")
        return ["; ".join(parts)] if parts else []

    def _longest(self, view: View) -> str:
        calls = [(each.slot, each.call.message_id) for each in view.calls]
        same, self._told_calls = calls == self._told_calls, calls
        first = view.calls[0]
        if same:
            return f"the same, running for {spaced(duration(view.now - first.call.started_at))}"
        thread = f" thread {first.call.thread}" if first.call.thread is not None else ""
        return f"slot {first.slot}{thread}, {first.call.handler}, {shortened(first.call.message_id)}"


def shortened(message_id: str) -> str:
    """`01A2…9F04`"""
    return message_id if len(message_id) <= 9 else f"{message_id[:4]}…{message_id[-4:]}"
