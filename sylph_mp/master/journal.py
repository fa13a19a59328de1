"""Keeps what the master did and why, for `sylph events`: what it says in its log, and what is said aside.

Hears the process's log lines, on the loop thread, while `sylph_mp.logs.heard_by(journal)` lasts.

Memory, fixed: the newest 1,000 events with at most 3 KiB each (typically 0.5 KiB).
"""

import logging
from collections import deque

from msgspec.structs import replace

from sylph_mp.clock import Clock
from sylph_mp.control.event import Event
from sylph_mp.logs import Line, line_of

#: Events kept.
MOST = 1000
#: A text is cut to this, a field to the next, and so many fields are kept.
MAX_TEXT = 1000
MAX_FIELD = 200
MAX_FIELDS = 10


class Journal(logging.Handler):
    def __init__(self, clock: Clock) -> None:
        super().__init__(logging.INFO)
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=MOST)
        self._last = 0

    def emit(self, record: logging.LogRecord) -> None:
        line = _bounded(line_of(record, at=self._clock.time(), who="master"))
        newest = self._events[-1] if self._events else None
        if newest is not None and _is_repeated(newest.line, line):
            fields = {**line.fields, "repeated": newest.line.fields.get("repeated", 0) + 1}
            self._events[-1] = replace(newest, line=replace(newest.line, fields=fields))
        else:
            self._last += 1
            self._events.append(Event(self._last, line))

    def after(self, number: int) -> tuple[Event, ...]:
        """The events with a higher number, of those that are kept, the oldest first."""
        return tuple(event for event in self._events if event.number > number)


def _is_repeated(before: Line, line: Line) -> bool:
    return (before.who, before.level, before.event, before.text) == (line.who, line.level, line.event, line.text)


def _bounded(line: Line) -> Line:
    """Without the traceback, which the log has, and with plain values only."""
    fields = {key: _plain(value) for key, value in list(line.fields.items())[:MAX_FIELDS]}
    return replace(line, text=line.text[:MAX_TEXT], fields=fields, trace="")


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:MAX_FIELD]
