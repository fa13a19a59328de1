"""Shows how far the sending is, as often as is good to read: redrawn on a terminal, a line now and then elsewhere.

On the loop thread of the command.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TextIO

from msgspec.structs import replace

from sylph_mp.cli.problems import render
from sylph_mp.cli.screens.sending import Going, going_line
from sylph_mp.cli.screens.view import of_stream
from sylph_mp.cli.terminal import is_terminal
from sylph_mp.clock import Clock
from sylph_mp.errors import Problem

#: At most four times a second.
_REDRAW_S = 0.25
_LINE_S = 10.0
#: What a rate is the mean of.
_WINDOW_S = 10.0

_REST_OF_LINE = "\x1b[K"


class Progress:
    """`look` says how far it is, but for the rate; `run` shows it until it is cancelled, `end` once more."""

    def __init__(self, stream: TextIO, *, look: Callable[[], Going], clock: Clock) -> None:
        self._stream = stream
        self._look = look
        self._clock = clock
        self._redraws = is_terminal(stream)
        self._drawn = False
        self._samples: deque[tuple[float, int]] = deque([(clock.monotonic(), 0)])

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_REDRAW_S if self._redraws else _LINE_S)
            self._show()

    def say(self, problem: Problem) -> None:
        """Above the line."""
        self.clear()
        self._write(render(problem) + "\n")

    def clear(self) -> None:
        """Take the line away; the next redraw brings it back."""
        if self._drawn:
            self._write("\r" + _REST_OF_LINE)
        self._drawn = False

    def end(self) -> None:
        self._show(last=True)
        if self._drawn:
            self._write("\n")

    def _show(self, *, last: bool = False) -> None:
        view = of_stream(self._stream, color="never", show_all=False)
        going = self._now()
        line = view.characters(going_line(replace(going, note="") if last else going, view))
        self._write(f"\r{line}{_REST_OF_LINE}" if self._redraws else f"{line}\n")
        self._drawn = self._redraws

    def _now(self) -> Going:
        going, now = self._look(), self._clock.monotonic()
        self._samples.append((now, going.settled))
        while len(self._samples) > 2 and self._samples[1][0] < now - _WINDOW_S:
            self._samples.popleft()
        since, settled = self._samples[0]
        return replace(going, rate_per_s=(going.settled - settled) / max(now - since, 1e-3))

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
