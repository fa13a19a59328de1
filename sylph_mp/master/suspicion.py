"""Decides which of the deliveries that ran when a consumer died are to blame. Pure.

Certain is a death that names its thread, or at which just one delivery ran: that one gets a strike, at the limit it
goes to quarantine, and the others are not suspected. Otherwise all that ran are suspects without a strike, since all
but one are bystanders: they run again one at a time, and the next death is certain. So a killer costs at most one
crash more than its limit, and a process that somebody else kills costs nobody a place in quarantine.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct


class Ran(Struct, frozen=True, kw_only=True):
    """A delivery that ran when its consumer died."""

    index: int
    thread: int | None
    """WorkerPool thread, from 0; None for an async handler."""
    strikes: int
    """Before this death."""
    limit: int
    """Strikes at which it goes to quarantine."""
    suspect: bool
    """It was one already."""


class Blame(Struct, frozen=True, kw_only=True):
    index: int
    strikes: int
    """With this death."""
    suspect: bool
    """It is to run alone."""
    tried: bool
    """It was a suspect and ran beside others when they died: it is to run alone to its end."""
    quarantine: bool


def blame(ran: Sequence[Ran], *, guilty_thread: int | None, guilty_entries: Collection[int] = ()) -> list[Blame]:
    """One for each delivery.

    `guilty_thread` is from 0, None if the death names none; `guilty_entries` are those of a call that was stuck.
    """
    named = [
        each
        for each in ran
        if each.index in guilty_entries or (guilty_thread is not None and each.thread == guilty_thread)
    ]
    guilty = named or (ran if len(ran) == 1 else ())
    if guilty:
        return [_certain(each) if each in guilty else _innocent(each) for each in ran]
    return [_shared(each) for each in ran]


def _certain(ran: Ran) -> Blame:
    strikes = ran.strikes + 1
    return Blame(index=ran.index, strikes=strikes, suspect=True, tried=ran.suspect, quarantine=strikes >= ran.limit)


def _innocent(ran: Ran) -> Blame:
    return Blame(index=ran.index, strikes=ran.strikes, suspect=ran.suspect, tried=False, quarantine=False)


def _shared(ran: Ran) -> Blame:
    return Blame(index=ran.index, strikes=ran.strikes, suspect=True, tried=ran.suspect, quarantine=False)
