"""Where the demo is seen: lines that stay, and below them, on a terminal, a picture that is drawn anew each second."""

import shutil
import sys
from typing import TextIO

#: Off a terminal a picture would be a page of log; so many seconds lie between two of them.
PLAIN_EVERY_S = 5.0


class Screen:
    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self.is_terminal = out.isatty()
        self._drawn_lines = 0
        self._plain_due = 0.0

    def say(self, line: str = "") -> None:
        """A line that stays, above the picture if there is one."""
        self._erase()
        self._out.write(line + "\n")
        self._out.flush()

    def draw(self, picture: str, *, at: float) -> None:
        """Replace the picture; `at` is the demo's time in seconds, by which it is shown less often off a terminal."""
        if self.is_terminal:
            rows = shutil.get_terminal_size().lines - 1
            lines = picture.split("\n")[:rows]
            self._erase()
            self._out.write("".join(f"{line}\n" for line in lines))
            self._drawn_lines = len(lines)
        elif at >= self._plain_due:
            self._out.write(picture + "\n\n")
            self._plain_due = at + PLAIN_EVERY_S
        self._out.flush()

    def keep(self) -> None:
        """The picture stays where it is; what follows comes below it."""
        self._drawn_lines = 0

    def _erase(self) -> None:
        if self._drawn_lines:
            self._out.write(f"\x1b[{self._drawn_lines}F\x1b[J")
            self._drawn_lines = 0
