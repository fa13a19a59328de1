"""The polls that a consumer has outstanding at ordered topics: one fixed line each, readable after its death.

The consumer's loop thread writes; its successor in the slot reads, on its own loop thread, and goes on with them.

     0 ┌ state u8 │ 0 │ topic u16, index in the header │ 0 u32 ┐  head: one store
     8   asked_ns i64                           times: CLOCK_MONOTONIC ns
    16   arrived_ns i64, counts while ARRIVING
    24   attempt id, ASCII, zeros behind it

The head is an aligned word, written in one store after the fields that it makes valid: a kill at any instruction leaves
either the poll before or the poll after.
"""

import struct
from enum import IntEnum

from msgspec import Struct

from sylph_mp.shm.layout import POLL_LINE_BYTES, POLL_LINES
from sylph_mp.shm.segment import Segment

_LINE = struct.Struct("<BxHxxxxqq40s")
_ID_AT = 24
#: Longest attempt id, in bytes.
ID_BYTES = POLL_LINE_BYTES - _ID_AT
_WORDS = POLL_LINE_BYTES // 8
#: The bits of the head that hold the topic.
_TOPIC = 0xFFFF_0000


class PollState(IntEnum):
    NONE = 0
    OUTSTANDING = 1
    ARRIVING = 2
    """Answered: its messages are being put into the in-flight table, all with `arrived_ns` as the time received."""
    TO_REPEAT = 3
    """What it brought is in the table; it is to be sent again when that is settled."""


class Poll(Struct, frozen=True, kw_only=True):
    line: int
    state: PollState
    topic: int
    """Index in the segment's topics."""
    attempt_id: str
    asked_ns: int
    """When it was last sent."""
    arrived_ns: int
    """What its messages have as the time received; 0 unless ARRIVING."""


class Polls:
    """Both sides."""

    def __init__(self, segment: Segment) -> None:
        at, size = segment.geometry.polls_at, POLL_LINES * POLL_LINE_BYTES
        self._bytes = segment.window(at, size)
        self._heads = segment.window(at, size, form="Q", step=_WORDS)
        self._asked = segment.window(at + 8, size - 8, form="q", step=_WORDS)
        self._arrived = segment.window(at + 16, size - 16, form="q", step=_WORDS)

    def ask(self, line: int, topic: int, attempt_id: str, now_ns: int) -> None:
        """A poll is about to be sent, in a line that has none; `attempt_id` is ASCII, up to ID_BYTES."""
        at = line * POLL_LINE_BYTES + _ID_AT
        self._bytes[at : at + ID_BYTES] = attempt_id.encode("ascii").ljust(ID_BYTES, b"\0")
        self._asked[line] = now_ns
        self._heads[line] = PollState.OUTSTANDING | topic << 16

    def ask_again(self, line: int, now_ns: int) -> None:
        """The line's poll is about to be sent once more."""
        self._asked[line] = now_ns
        self._enter(line, PollState.OUTSTANDING)

    def arriving(self, line: int, now_ns: int) -> None:
        """The poll's messages are about to be put into the table, with `now_ns` as the time received."""
        self._arrived[line] = now_ns
        self._enter(line, PollState.ARRIVING)

    def undo_arriving(self, line: int) -> None:
        """None of the poll's messages is in the table any more."""
        self._enter(line, PollState.OUTSTANDING)

    def repeat_later(self, line: int) -> None:
        """All that the poll brought is in the table; there may be more with the same attempt id."""
        self._enter(line, PollState.TO_REPEAT)

    def over(self, line: int) -> None:
        """All that the poll brought is in the table."""
        self._enter(line, PollState.NONE)

    def scan(self) -> list[Poll]:
        """All that are not over, by line."""
        return [poll for line in range(POLL_LINES) if (poll := self.read(line)) is not None]

    def read(self, line: int) -> Poll | None:
        at = line * POLL_LINE_BYTES
        state, topic, asked_ns, arrived_ns, attempt_id = _LINE.unpack_from(self._bytes[at : at + POLL_LINE_BYTES])
        if state == PollState.NONE:
            return None
        return Poll(
            line=line,
            state=PollState(state),
            topic=topic,
            attempt_id=attempt_id.rstrip(b"\0").decode("ascii"),
            asked_ns=asked_ns,
            arrived_ns=arrived_ns if state == PollState.ARRIVING else 0,
        )

    def _enter(self, line: int, state: PollState) -> None:
        self._heads[line] = state | self._heads[line] & _TOPIC
