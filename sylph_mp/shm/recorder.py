"""The flight recorder of a slot: what its process logged, decided and used last, for whoever asks why it died.

The consumer writes, log lines under the log's lock, the rest on its loop thread; the master reads when it is dead.

      0 pid u32, 0 = being opened │ words u16, bytes of the last words │ zero u16
      8 lines u64 │ 16 outcomes u64 │ 24 samples u64      how many of each were written
     32 last words, UTF-8, zero to 256
    256 21 cells of 4096 bytes: at_wall f64 │ level u8 │ zero u8 │ size u16 │ text, UTF-8
      … 129 cells of 64 bytes:  ended_ns i64 │ run_ns i64 │ attempt u32 │ topic u16 │ outcome u8 │ zero u8 │ id, 36
      … 301 cells of 24 bytes:  at_ns i64 │ rss_bytes u64 │ cpu_share f64

Record n of a kind lies in cell n % cells; its count is stored last. The cell that the next record goes to is never
read, so a process that is killed at any instruction leaves whole records only: one of each kind less than its cells.
"""

import os
import struct
from typing import Any

from msgspec import Struct

from sylph_mp.shm.layout import RECORDER_BYTES
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome

#: What can be read of each kind.
LINES, OUTCOMES, SAMPLES = 20, 128, 300

_HEAD_BYTES = 256
_WORDS_LENGTH_AT = 4
_WORDS_AT = 32
_LINE = struct.Struct("<dBxH4084s")
_OUTCOME = struct.Struct("<qqIHBx36s4x")
_SAMPLE = struct.Struct("<qQd")
_LINE_TEXT_BYTES = 4084
_LEVELS = ("debug", "info", "warn", "error")


class RecordedLine(Struct, frozen=True, kw_only=True):
    at_wall: float
    """Seconds since 1970 UTC."""
    level: str
    """debug, info, warn or error."""
    text: str
    """Cut off where it is longer than a cell."""


class RecordedOutcome(Struct, frozen=True, kw_only=True):
    """What a handler call decided about a delivery."""

    ended_s: float
    """CLOCK_MONOTONIC"""
    run_s: float
    topic: int
    """Index in the segment's topics."""
    attempt: int
    outcome: EntryOutcome
    message_id: str


class RecordedSample(Struct, frozen=True, kw_only=True):
    at_s: float
    """CLOCK_MONOTONIC"""
    rss_bytes: int
    cpu_share: float
    """Of one core, since the sample before."""


class Recorded(Struct, frozen=True, kw_only=True):
    """All that a process left in the recorder, the oldest first."""

    pid: int
    """0: no process has opened it, or one died while it did."""
    last_words: str
    """`ImportError at workers/orders.py:3`; "" if no exception ended it."""
    lines: list[RecordedLine]
    outcomes: list[RecordedOutcome]
    samples: list[RecordedSample]


class _Ring:
    """Cells of one size in a slot's recorder, and how many were written."""

    def __init__(self, segment: Segment, *, count_at: int, at: int, record: struct.Struct, readable: int) -> None:
        start = segment.geometry.recorder_at
        self.end = at + record.size * (readable + 1)
        self._cells = readable + 1
        self._record = record
        self._count = segment.window(start + count_at, 8, form="Q")
        self._bytes = segment.window(start + at, record.size * self._cells)

    def append(self, *values: Any) -> None:
        count = self._count[0]
        self._record.pack_into(self._bytes, count % self._cells * self._record.size, *values)
        self._count[0] = count + 1

    def clear(self) -> None:
        self._count[0] = 0

    def read(self) -> list[tuple[Any, ...]]:
        """What `append` got, the oldest first."""
        count = self._count[0]
        numbers = range(max(0, count - self._cells + 1), count)
        return [self._record.unpack_from(self._bytes, n % self._cells * self._record.size) for n in numbers]


class _Rings:
    def __init__(self, segment: Segment) -> None:
        self.lines = _Ring(segment, count_at=8, at=_HEAD_BYTES, record=_LINE, readable=LINES)
        self.outcomes = _Ring(segment, count_at=16, at=self.lines.end, record=_OUTCOME, readable=OUTCOMES)
        self.samples = _Ring(segment, count_at=24, at=self.outcomes.end, record=_SAMPLE, readable=SAMPLES)
        assert self.samples.end <= RECORDER_BYTES


class RecorderWriter:
    """The one writer; opening it forgets what the process before has left."""

    def __init__(self, segment: Segment, pid: int) -> None:
        rings = _Rings(segment)
        start = segment.geometry.recorder_at
        self._pid = pid
        self._head = segment.window(start, _HEAD_BYTES)
        self._head[:] = bytes(_HEAD_BYTES)
        segment.window(start, 4, form="I")[0] = pid
        self._lines = rings.lines
        self.sample = rings.samples.append
        """`sample(at_ns, rss_bytes, cpu_share)`: once a second."""
        self._outcomes = rings.outcomes

    def line(self, at_wall: float, level: str, text: str) -> None:
        """A log line, from any thread, but one at a time. What a handler forks writes nothing here."""
        if os.getpid() != self._pid:
            return
        data = text.encode(errors="replace")[:_LINE_TEXT_BYTES]
        self._lines.append(at_wall, _LEVELS.index(level), len(data), data)

    def outcome(self, ended_ns: int, run_ns: int, attempt: int, topic: int, outcome: int, message_id: str) -> None:
        """What was decided about a delivery; `topic` is its index in the segment."""
        self._outcomes.append(ended_ns, run_ns, attempt, topic, outcome, message_id.encode())

    def last_words(self, text: str) -> None:
        """The exception that ends the process."""
        data = text.encode(errors="replace")[: _HEAD_BYTES - _WORDS_AT]
        self._head[_WORDS_AT : _WORDS_AT + len(data)] = data
        self._head[_WORDS_LENGTH_AT : _WORDS_LENGTH_AT + 2] = len(data).to_bytes(2, "little")


def read_recorder(segment: Segment) -> Recorded:
    """What the slot's last process left; only when it is dead, since the cells are not guarded against its writing."""
    start = segment.geometry.recorder_at
    pid, length = struct.unpack_from("<IH", segment.buf, start)
    words = bytes(segment.buf[start + _WORDS_AT : start + _WORDS_AT + min(length, _HEAD_BYTES - _WORDS_AT)])
    rings = _Rings(segment)
    return Recorded(
        pid=pid,
        last_words=_decoded(words),
        lines=[
            RecordedLine(at_wall=at_wall, level=_LEVELS[level], text=_decoded(text[:length]))
            for at_wall, level, length, text in rings.lines.read()
        ],
        outcomes=[
            RecordedOutcome(
                ended_s=ended_ns / 1e9,
                run_s=run_ns / 1e9,
                attempt=attempt,
                topic=topic,
                outcome=EntryOutcome(outcome),
                message_id=_decoded(message_id.rstrip(b"\0")),
            )
            for ended_ns, run_ns, attempt, topic, outcome, message_id in rings.outcomes.read()
        ],
        samples=[
            RecordedSample(at_s=at_ns / 1e9, rss_bytes=rss_bytes, cpu_share=cpu_share)
            for at_ns, rss_bytes, cpu_share in rings.samples.read()
        ],
    )


def _decoded(data: bytes) -> str:
    """A character that was cut in two is left out."""
    return data.decode(errors="ignore")
