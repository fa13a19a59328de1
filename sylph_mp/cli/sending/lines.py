"""The lines of a file or a pipe, as they come and in bounded memory, whatever its size.

Read on a thread of its own, so that a pipe which is silent holds up neither the loop nor the end of the command.
"""

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from sylph_mp.errors import UsageError

#: Longer ones are no messages: a broker takes 4 MiB unless it is told otherwise.
MAX_LINE = 16 << 20
#: Read at once, and how many of these may wait to be sent.
_BLOCK = 256 << 10
_BLOCKS = 2


class Line(Struct, frozen=True, gc=False):
    number: int
    """From 1."""
    text: bytes | None
    """Without its line end; None for one that is longer than MAX_LINE."""


class Splitter:
    """Makes lines of bytes that are cut anywhere."""

    def __init__(self) -> None:
        self._number = 0
        self._rest: list[bytes] = []
        self._rest_size = 0

    def feed(self, data: bytes) -> list[Line]:
        """The lines that are complete now."""
        *ended, rest = data.split(b"\n")
        lines = []
        for text in ended:
            self._keep(text)
            lines.append(self._line())
        self._keep(rest)
        return lines

    def end(self) -> list[Line]:
        """The last line, if it has no line end."""
        return [self._line()] if self._rest_size else []

    def _keep(self, part: bytes) -> None:
        self._rest_size += len(part)
        if self._rest_size > MAX_LINE:
            self._rest.clear()
        elif part:
            self._rest.append(part)

    def _line(self) -> Line:
        text = b"".join(self._rest).removesuffix(b"\r") if self._rest_size <= MAX_LINE else None
        self._number += 1
        self._rest, self._rest_size = [], 0
        return Line(self._number, text)


async def lines_of(file: int) -> AsyncIterator[list[Line]]:
    """Those that are there, again and again until the file ends; `file` is a descriptor. Raises UsageError."""
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[list[Line] | UsageError | None] = asyncio.Queue()
    room = threading.Semaphore(_BLOCKS)

    def hand_over(block: list[Line] | UsageError | None) -> None:
        loop.call_soon_threadsafe(read.put_nowait, block)

    threading.Thread(target=_read, args=(file, hand_over, room), name="lines", daemon=True).start()
    while (block := await read.get()) is not None:
        if isinstance(block, UsageError):
            raise block
        yield block
        room.release()


def _read(file: int, hand_over: Callable[[list[Line] | UsageError | None], None], room: threading.Semaphore) -> None:
    """Not through a file object: one that is being read by a thread cannot be closed when the interpreter ends."""
    splitter = Splitter()
    try:
        while data := os.read(file, _BLOCK):
            if lines := splitter.feed(data):
                room.acquire()
                hand_over(lines)
        hand_over(splitter.end())
        hand_over(None)
    except OSError as error:
        hand_over(UsageError(f"it cannot be read any further: {error.strerror}"))
    except RuntimeError:  # the loop is closed: nobody waits for more
        return


class LineCount:
    """How many lines a file has; counted on a thread of its own, and not for a pipe."""

    def __init__(self, file: int) -> None:
        self.lines: int | None = None
        self.thread = threading.Thread(target=self._count, args=(file,), name="line-count", daemon=True)
        if stat.S_ISREG(os.fstat(file).st_mode):
            self._offset = os.lseek(file, 0, os.SEEK_CUR)
            self.thread.start()

    def _count(self, file: int) -> None:
        lines, last = 0, b"\n"
        try:
            while data := os.pread(file, 1 << 20, self._offset):
                lines += data.count(b"\n")
                last = data[-1:]
                self._offset += len(data)
        except OSError:  # whoever reads it says so
            return
        self.lines = lines + (last != b"\n")
