"""Log lines as people and programs read them: `TIME LEVEL WHO  EVENT: sentence  key=value`, or one JSON object a line.

Used in every process and thread; all state is that of the standard logging module, to which one handler is added.
"""

import logging
import os
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec

from sylph_mp.clock import Clock, SystemClock

Form = Literal["auto", "text", "json"]

#: Logger of the project's own lines. It does not propagate: what a user's app does to the root logger leaves it alone.
OWN = "sylph_mp"
#: EVENT of what other loggers say.
OTHERS = "log"
#: The same event at the same place is printed once in this time.
REPEAT_S = 60.0
#: Most events that are remembered for that; the oldest is given up first.
MAX_REMEMBERED = 512
#: Fields that say where something happened. A line without any of them is never held back.
PLACE_FIELDS = ("place", "topic", "handler")

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


class Log:
    """Writes the lines of one WHO: `master` or `slot N`. EVENT and keys are stable, the sentence is not."""

    def __init__(self, who: str) -> None:
        self.who = who
        self._logger = logging.getLogger(OWN)

    def debug(self, event: str, text: str, /, **fields: object) -> None:
        self._write(logging.DEBUG, event, text, fields)

    def info(self, event: str, text: str, /, **fields: object) -> None:
        self._write(logging.INFO, event, text, fields)

    def warn(self, event: str, text: str, /, **fields: object) -> None:
        """Somebody may act."""
        self._write(logging.WARNING, event, text, fields)

    def error(self, event: str, text: str, /, **fields: object) -> None:
        """Somebody must act."""
        self._write(logging.ERROR, event, text, fields)

    def exception(self, event: str, text: str, error: BaseException, /, **fields: object) -> None:
        """An error line with the traceback below it; in JSON it is the key `trace`."""
        self._write(logging.ERROR, event, text, {"error": type(error).__name__} | fields, error)

    def aside(self, event: str, text: str, /, **fields: object) -> None:
        """For those who listen, at level info: people have it from elsewhere, or need no line of it."""
        self._write(logging.INFO, event, text, fields, aside=True)

    def _write(
        self,
        level: int,
        event: str,
        text: str,
        fields: Mapping[str, object],
        error: BaseException | None = None,
        *,
        aside: bool = False,
    ) -> None:
        extra = {"sylph_who": self.who, "sylph_event": event, "sylph_fields": fields, "sylph_aside": aside}
        self._logger.log(level, text, exc_info=error, extra=extra)


def configure(
    *, form: Form = "auto", level: str = "info", stream: TextIO | None = None, clock: Clock | None = None
) -> None:
    """Send this process's lines to `stream` (stderr). Calling it again replaces what was set, as after a fork.

    `auto` is text, with clock times on a terminal and full dates elsewhere. `level`: debug, info, warn or error.
    """
    stream = stream or sys.stderr
    own, root = logging.getLogger(OWN), logging.getLogger()
    for logger in (own, root):
        for old in [handler for handler in logger.handlers if isinstance(handler, LineHandler)]:
            logger.removeHandler(old)
    form_of = JsonForm() if form == "json" else TextForm(dates=not stream.isatty())
    handler = LineHandler(form=form_of, stream=stream, clock=clock or SystemClock())
    own.addHandler(handler)
    own.propagate = False
    set_level(level)


def set_level(level: str) -> None:
    """Print lines of this level and above from now on: debug, info, warn or error. After `configure`."""
    own, root = logging.getLogger(OWN), logging.getLogger()
    for handler in own.handlers:
        if isinstance(handler, LineHandler):
            handler.setLevel(_LEVELS[level])
            if handler in root.handlers:
                root.setLevel(_LEVELS[level])
    own.setLevel(_needed(own, otherwise=_LEVELS[level]))


def bridge(who: str, *, keep: Callable[["Line"], None] | None = None) -> None:
    """Give what other loggers of this process say, such as a handler's `ctx.log`, the same form. After `configure`.

    `keep` gets every line before it is printed, those held back as repeated too; one at a time, in any thread.
    """
    own, root = logging.getLogger(OWN), logging.getLogger()
    for handler in own.handlers:
        if isinstance(handler, LineHandler):
            handler.who, handler.keep = who, keep
            root.addHandler(handler)  # adding it twice is no harm: logging keeps one
            root.setLevel(handler.level)


@contextmanager
def heard_by(listener: logging.Handler) -> Iterator[None]:
    """Give `listener` the records of this process's own lines from level info on, whatever is printed of them."""
    own = logging.getLogger(OWN)
    before = own.level
    own.addHandler(listener)
    own.setLevel(_needed(own, otherwise=before))
    try:
        yield
    finally:
        own.removeHandler(listener)
        own.setLevel(_needed(own, otherwise=before))


def _needed(own: logging.Logger, *, otherwise: int) -> int:
    """The lowest level that a handler wants."""
    return min((handler.level for handler in own.handlers), default=otherwise)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One log line before it takes a form."""

    at: datetime
    level: Literal["debug", "info", "warn", "error"]
    who: str
    event: str
    text: str
    fields: Mapping[str, Any]
    trace: str = ""


class TextForm:
    def __init__(self, *, dates: bool) -> None:
        self._dates = dates

    def encode(self, line: Line) -> str:
        at = line.at.astimezone()
        time = at.isoformat(timespec="milliseconds") if self._dates else at.strftime("%H:%M:%S.%f")[:-3]
        return f"{time} {line.level.upper():5} {line.who:6}  {sentence(line)}"


def sentence(line: Line) -> str:
    """`EVENT: sentence  key=value`, and below it the rest of a longer text and the traceback."""
    fields = " ".join(f"{key}={_value(value)}" for key, value in line.fields.items())
    first, *more = line.text.split("\n")
    head = f"{line.event}: {first}"
    below = [*more, *line.trace.splitlines()]
    return "\n".join([f"{head}  {fields}" if fields else head, *(f"  {text}" for text in below)])


class JsonForm:
    def encode(self, line: Line) -> str:
        at = line.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"at": at, "level": line.level, "who": line.who, "event": line.event, **line.fields}
        entry |= {"trace": line.trace} if line.trace else {}
        return msgspec.json.encode(entry | {"text": line.text}, enc_hook=str).decode()


class Repeats:
    """Decides which lines are held back, and remembers how many and the last of them. Pure: given the time."""

    def __init__(self, *, interval_s: float = REPEAT_S, limit: int = MAX_REMEMBERED) -> None:
        self._interval_s = interval_s
        self._limit = limit
        self._entries: OrderedDict[tuple[object, ...], _Repeated] = OrderedDict()  # the longest printed first

    def admit(self, line: Line, now: float) -> list[Line]:
        """The lines to print now: those held back whose time is over, then this one, unless it is held back."""
        printed = self._expire(now)
        places = tuple(line.fields.get(name) for name in PLACE_FIELDS)
        if not any(places):
            return [*printed, line]
        key = (line.who, line.level, line.event, *places)
        if key in self._entries:
            self._entries[key].hold(line)
            return printed
        if len(self._entries) >= self._limit:
            printed += self._entries.popitem(last=False)[1].summary()
        self._entries[key] = _Repeated(now)
        return [*printed, line]

    def all_held(self) -> list[Line]:
        """Forget everything; returns what was held back and not yet told."""
        lines = [line for entry in self._entries.values() for line in entry.summary()]
        self._entries.clear()
        return lines

    def _expire(self, now: float) -> list[Line]:
        lines: list[Line] = []
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if now - entry.printed_at < self._interval_s:
                break
            del self._entries[key]
            if entry.held:
                lines += entry.summary()
                self._entries[key] = _Repeated(now)  # that summary was this minute's line
        return lines


class _Repeated:
    def __init__(self, printed_at: float) -> None:
        self.printed_at = printed_at
        self.held = 0
        self._last: Line | None = None

    def hold(self, line: Line) -> None:
        self.held += 1
        self._last = line

    def summary(self) -> list[Line]:
        """The last line held back, saying how many there were; nothing if none was."""
        if self._last is None:
            return []
        return [msgspec.structs.replace(self._last, fields={**self._last.fields, "repeated": self.held})]


class LineHandler(logging.Handler):
    """Makes lines of records and writes each with one `write`, so that processes sharing stderr do not mix them.

    A pipe keeps a write whole up to 4 KiB (PIPE_BUF, pipe(7)); a longer traceback may be interleaved there.
    Records of other loggers are a user's own words: they are never held back as repeated.
    """

    def __init__(self, *, form: TextForm | JsonForm, stream: TextIO, clock: Clock) -> None:
        super().__init__()
        self.who = "-"
        self.keep: Callable[[Line], None] | None = None
        self._form = form
        self._stream = stream
        self._clock = clock
        self._repeats = Repeats()

    def handle(self, record: logging.LogRecord) -> bool:
        """As the standard one does from Python 3.13 on: the lock is taken by `with`.

        So it is given back when a handler call is interrupted just here (consumer/thread_calls.py).
        """
        if not self.filter(record):
            return False
        assert self.lock is not None
        with self.lock:
            self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if record.__dict__.get("sylph_aside"):
            return
        line = line_of(record, at=self._clock.time(), who=self.who)
        if self.keep is not None:
            self.keep(line)
        own = "sylph_event" in record.__dict__
        for printed in self._repeats.admit(line, self._clock.monotonic()) if own else [line]:
            self._write(printed)

    def flush(self) -> None:
        """Tell what is held back; the standard library calls this when the process ends."""
        self.acquire()
        try:
            for line in self._repeats.all_held():
                self._write(line)
        finally:
            self.release()

    def _write(self, line: Line) -> None:
        text = self._form.encode(line) + "\n"
        try:
            descriptor = self._stream.fileno()
        except (OSError, AttributeError):  # a stream in memory, as in tests
            self._stream.write(text)
            return
        rest = memoryview(text.encode(errors="backslashreplace"))
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError:
            return  # nobody reads any more, or not fast enough: that must not end what is logged about


def line_of(record: logging.LogRecord, *, at: float, who: str) -> Line:
    """The line that a record is, said at the time `at`; `who` for one that is not of ours."""
    said = record.__dict__
    return Line(
        at=datetime.fromtimestamp(at, UTC),
        level=_level_word(record.levelno),
        who=said.get("sylph_who", who),
        event=said.get("sylph_event", OTHERS),
        text=record.getMessage(),
        fields=said.get("sylph_fields", {"logger": record.name}),
        trace="".join(traceback.format_exception(record.exc_info[1])) if record.exc_info else "",
    )


def _level_word(number: int) -> Literal["debug", "info", "warn", "error"]:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


def _value(value: object) -> str:
    """A value in `key=value`: one word, or a JSON string where it is not."""
    if value is None:
        return "-"
    text = str(value)
    plain = text.isprintable() and text and not any(char in text for char in ' "=')
    return text if plain else msgspec.json.encode(text).decode()
