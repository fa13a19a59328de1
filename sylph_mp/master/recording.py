"""What a dead consumer's flight recorder says, as crash reports and quarantine keep it.

Read on the master's loop thread before the slot is filled again: the next consumer begins with an empty recorder.
"""

import math

from msgspec import Struct

from sylph_mp.shm.recorder import read_recorder
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome

#: Outcomes in the words in which handlers give them; NONE was not run.
_WORDS = {
    EntryOutcome.ACK: "Ack",
    EntryOutcome.RETRY: "Retry",
    EntryOutcome.DEAD_LETTER: "DeadLetter",
    EntryOutcome.NONE: "lease over",
}


class LogLine(Struct, frozen=True, kw_only=True):
    at_wall: float
    """Seconds since 1970 UTC."""
    level: str
    text: str


class Decided(Struct, frozen=True, kw_only=True):
    """What a handler call decided about a delivery; of Acks that followed one another closely, only some are kept."""

    ago_s: float
    """Before the process was found dead."""
    topic: str
    message_id: str
    """The first 36 bytes of a longer one."""
    attempt: int
    outcome: str
    """`Ack`, `Retry`, `DeadLetter`, `lease over`."""
    run_s: float


class Usage(Struct, frozen=True, kw_only=True):
    """Of one second."""

    ago_s: float
    """Before the process was found dead."""
    rss_bytes: int
    cpu_share: float | None
    """Of one core; None in its first second."""


class Recording(Struct, frozen=True, kw_only=True):
    """The oldest first."""

    last_words: str = ""
    """`ImportError at workers/orders.py:3`; "" if no exception ended it."""
    log_lines: tuple[LogLine, ...] = ()
    decided: tuple[Decided, ...] = ()
    usage: tuple[Usage, ...] = ()


def recording_of(segment: Segment | None, pid: int, now: float) -> Recording:
    """What process `pid` left there; nothing if it died before it had opened the recorder."""
    if segment is None:
        return Recording()
    recorded, topics = read_recorder(segment), segment.geometry.topics
    if recorded.pid != pid:
        return Recording()
    return Recording(
        last_words=recorded.last_words,
        log_lines=tuple(LogLine(at_wall=line.at_wall, level=line.level, text=line.text) for line in recorded.lines),
        decided=tuple(
            Decided(
                ago_s=round(now - each.ended_s, 3),
                topic=topics[each.topic],
                message_id=each.message_id,
                attempt=each.attempt,
                outcome=_WORDS[each.outcome],
                run_s=round(each.run_s, 6),
            )
            for each in recorded.outcomes
        ),
        usage=tuple(
            Usage(
                ago_s=round(now - each.at_s, 3),
                rss_bytes=each.rss_bytes,
                cpu_share=None if math.isnan(each.cpu_share) else round(each.cpu_share, 3),
            )
            for each in recorded.samples
        ),
    )
