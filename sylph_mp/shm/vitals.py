"""A consumer's vitals: what it is, when it last gave a sign of life, and its counters per topic.

The consumer's loop thread writes (each worker thread its own line); any process reads, without asking it.

      0 pid u32 | 4 generation u32 | 8 state u8, zero to 16 | 16 beat_ns i64, CLOCK_MONOTONIC | zero to 64
     64 one line of 128 bytes per topic: COUNTERS in order, u64 each | zero
      … one line of 8 bytes per worker thread: its ident u64, 0 = none yet
"""

import struct
from collections.abc import Sequence
from enum import IntEnum

from msgspec import Struct

from sylph_mp.shm.layout import THREAD_LINE_BYTES, TOPIC_LINE_BYTES, VITALS_HEAD_BYTES, Geometry
from sylph_mp.shm.segment import Segment

#: What is counted per topic, totals since the process started, in the order of their bytes.
COUNTERS = ("received", "started", "acked", "retried", "dead", "failed", "handed_back", "expired", "unshared")

_HEAD = struct.Struct("<IIB7xq")
_IDENTITY = struct.Struct("<II")
_STATE_AT = 8
_BEAT_AT = 16
_LINE = struct.Struct(f"<{len(COUNTERS)}Q")


class VitalsState(IntEnum):
    BOOTING = 0
    RUNNING = 1
    DRAINING = 2
    STOPPED = 3


class Vitals(Struct, frozen=True, kw_only=True):
    """One look at a slot's vitals."""

    pid: int
    """0: no process has opened them yet."""
    generation: int
    """How many processes have opened them."""
    state: VitalsState
    beat_s: float | None
    """CLOCK_MONOTONIC seconds; None before the first beat."""
    counters: dict[str, dict[str, int]]
    """Topic -> name -> total since this process started."""
    thread_idents: tuple[int, ...]
    """By thread index; 0 where no thread has run. As in `threading.get_ident` and faulthandler's dumps."""


class Pulse(Struct, frozen=True, kw_only=True):
    """The sign of life alone: it is looked at several times a second."""

    pid: int
    """0: no process has opened the vitals yet."""
    beat_s: float | None
    """CLOCK_MONOTONIC seconds; None before the first beat."""


class VitalsWriter:
    """The one writer; every method but `thread` belongs to the loop thread."""

    def __init__(self, segment: Segment) -> None:
        geometry = segment.geometry
        at = geometry.vitals_at
        self._all = segment.window(at, geometry.vitals_bytes)
        self._beat = segment.window(at + _BEAT_AT, 8, form="q")
        self._lines = segment.window(at + VITALS_HEAD_BYTES, TOPIC_LINE_BYTES * len(geometry.topics))
        self._idents = segment.window(_threads_at(geometry), THREAD_LINE_BYTES * geometry.threads, form="Q")

    def open(self, pid: int, now_ns: int) -> None:
        """Begin as a new process of this slot: everything zero, state BOOTING, first beat."""
        _, generation, _, _ = _HEAD.unpack_from(self._all)
        self._all[_STATE_AT:] = bytes(len(self._all) - _STATE_AT)
        _IDENTITY.pack_into(self._all, 0, pid, generation + 1)
        self.beat(now_ns)

    def beat(self, now_ns: int) -> None:
        self._beat[0] = now_ns

    @property
    def state(self) -> VitalsState:
        return VitalsState(self._all[_STATE_AT])

    @state.setter
    def state(self, state: VitalsState) -> None:
        self._all[_STATE_AT] = state

    def count(self, topic_index: int, values: Sequence[int]) -> None:
        """Write a topic's totals, in the order of COUNTERS."""
        _LINE.pack_into(self._lines, topic_index * TOPIC_LINE_BYTES, *values)

    def thread(self, index: int, ident: int) -> None:
        """Called by worker thread `index` (from 0) itself when it begins."""
        self._idents[index] = ident


def read_vitals(segment: Segment) -> Vitals:
    """Look at them; a process that is opening them just now may show with half of its zeroes."""
    geometry = segment.geometry
    pid, generation, state, beat_ns = _HEAD.unpack_from(segment.buf, geometry.vitals_at)
    lines_at = geometry.vitals_at + VITALS_HEAD_BYTES
    return Vitals(
        pid=pid,
        generation=generation,
        state=VitalsState(state),
        beat_s=beat_ns / 1e9 if beat_ns else None,
        counters={
            topic: dict(zip(COUNTERS, _LINE.unpack_from(segment.buf, lines_at + i * TOPIC_LINE_BYTES), strict=True))
            for i, topic in enumerate(geometry.topics)
        },
        thread_idents=struct.unpack_from(f"<{geometry.threads}Q", segment.buf, _threads_at(geometry)),
    )


def read_pulse(segment: Segment) -> Pulse:
    pid, _, _, beat_ns = _HEAD.unpack_from(segment.buf, segment.geometry.vitals_at)
    return Pulse(pid=pid, beat_s=beat_ns / 1e9 if beat_ns else None)


def _threads_at(geometry: Geometry) -> int:
    return geometry.vitals_at + VITALS_HEAD_BYTES + TOPIC_LINE_BYTES * len(geometry.topics)
