"""Reads what the handlers noted, and says whether everything came, once and in order."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct


class Call(Struct, frozen=True, order=True):
    began_ns: int
    group: int
    number: int


class Tally(Struct, frozen=True, kw_only=True):
    """What became of the messages of one topic."""

    topic: str
    sent: int
    handled: int
    lost: int
    twice: int
    """Calls beyond the first of a message."""
    out_of_order: int
    """Calls that began after one of a later message of their group."""


def read_calls(folder: Path, topic: str) -> list[Call]:
    calls = []
    for path in folder.glob(f"{topic}.*"):
        for line in path.read_text().splitlines():
            number, group, began_ns = map(int, line.split())
            calls.append(Call(began_ns, group, number))
    return calls


def tally(topic: str, calls: Iterable[Call], *, sent: int) -> Tally:
    """Messages are numbered from 0 to `sent`, in the order in which their group is to be handled."""
    times = Counter(call.number for call in calls)
    newest: dict[int, int] = {}
    out_of_order = 0
    for call in sorted(calls):
        out_of_order += call.number < newest.get(call.group, -1)
        newest[call.group] = max(call.number, newest.get(call.group, -1))
    return Tally(
        topic=topic,
        sent=sent,
        handled=len(times),
        lost=sum(number not in times for number in range(sent)),
        twice=times.total() - len(times),
        out_of_order=out_of_order,
    )
