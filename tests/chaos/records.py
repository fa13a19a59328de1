"""What a run of chaos leaves behind: what was sent, what each handler call did, and which faults there were when.

All times are CLOCK_MONOTONIC seconds, which every process of a host shares. A handler writes a line as it begins and
one as it ends, each one write(2) to a file of its process: they survive SIGKILL.

    begin TEXT PID THREAD AT
    done TEXT PID THREAD AT        or retry: the call asked to be tried again
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

SHOWN_S = 60.0


class Sent(NamedTuple):
    """A message that the broker has confirmed."""

    text: str
    """`GROUP-NUMBER`; messages of a group are numbered in the order of sending."""
    at: float


def group_of(text: str) -> str:
    return text.partition("-")[0]


def is_ordered(text: str) -> bool:
    """Of a message group; what has none is `n-NUMBER`."""
    return group_of(text) != "n"


class Call(NamedTuple):
    text: str
    pid: int
    began: float
    ended: float | None = None
    outcome: str = ""
    """`done` or `retry`; "" for one that never ended."""


class Kill(NamedTuple):
    pid: int
    at: float


class Stop(NamedTuple):
    """From SIGSTOP to SIGCONT, or to when it was seen that the master had killed it."""

    pid: int
    began: float
    ended: float
    killed: bool


class Outage(NamedTuple):
    """The broker was killed, and listened again."""

    began: float
    ended: float


class Faults(Struct, frozen=True):
    kills: list[Kill] = []
    stops: list[Stop] = []
    outages: list[Outage] = []
    masters: list[float] = []
    """When a master was killed."""
    scalings: list[float] = []

    def before(self, at: float) -> list[str]:
        """Those of the last SHOWN_S, in words, the oldest first; for a person who looks for what was not excused."""
        found = [(kill.at, f"killed {kill.pid}") for kill in self.kills]
        for stop in self.stops:
            end = "killed by the master" if stop.killed else "continued"
            found.append((stop.began, f"stopped {stop.pid} for {stop.ended - stop.began:.1f} s, then {end}"))
        found += [(outage.began, f"broker away for {outage.ended - outage.began:.1f} s") for outage in self.outages]
        found += [(master, "master killed") for master in self.masters]
        found += [(scaling, "scaled") for scaling in self.scalings]
        return [f"{at - when:.1f} s before: {what}" for when, what in sorted(found) if 0 <= at - when < SHOWN_S]


def calls_in(folder: Path) -> list[Call]:
    """All that handlers noted in a folder, by when they began."""
    calls = [call for path in folder.glob("calls-*") for call in calls_of(path.read_text().splitlines())]
    return sorted(calls, key=lambda call: call.began)


def calls_of(lines: Iterable[str]) -> list[Call]:
    """Those of one process."""
    calls: list[Call] = []
    open_at: dict[str, int] = {}
    for line in lines:
        what, text, pid, thread, at = line.split()
        if what == "begin":
            open_at[thread] = len(calls)
            calls.append(Call(text, int(pid), float(at)))
        else:
            place = open_at.pop(thread)
            calls[place] = calls[place]._replace(ended=float(at), outcome=what)
    return calls
