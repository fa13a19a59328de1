"""Where the demo is seen: lines that stay, and below them, on a terminal, a picture that is drawn anew each second."""

import shutil
import sys
from collections.abc import Sequence

from sylph_mp.cli.screens.overview import overview
from sylph_mp.cli.screens.view import of_stream
from sylph_mp.control.status import Snapshot

#: Off a terminal every picture stays, so there is one in so many seconds.
PLAIN_EVERY_S = 5.0


class Screen:
    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self._drawn_lines = 0
        self._plain_due = 0.0

    def say(self, *lines: str) -> None:
        """Lines that stay; a picture makes room for them."""
        self._erase()
        self._write(lines)

    def draw(self, head: str, snapshot: Snapshot | None, *, at: float) -> None:
        """Replace the picture: a line, and below it what `sylph status` shows. `at` is the demo's time in seconds."""
        view = of_stream(sys.stdout, color="auto", show_all=False)
        lines = [head, "", *(overview(snapshot, view) if snapshot else ["no master answers"])]
        if self.is_terminal:
            self._erase()
            drawn = lines[: shutil.get_terminal_size().lines - 1]
            self._write(drawn)
            self._drawn_lines = len(drawn)
        elif at >= self._plain_due:
            self._write([*lines, ""])
            self._plain_due += PLAIN_EVERY_S

    def conclude(self, sentence: str, *, good: bool) -> None:
        """The last line: a word for what came of it, and the sentence."""
        view = of_stream(sys.stdout, color="auto", show_all=False)
        word = view.paint("good", "healthy") if good else view.paint("NOT GOOD", "broken")
        self.say(f"{word}: {sentence}")

    def keep(self) -> None:
        """The picture stays as it is; what follows comes below it."""
        self._drawn_lines = 0

    def _erase(self) -> None:
        if self._drawn_lines:
            sys.stdout.write(f"\x1b[{self._drawn_lines}F\x1b[J")
            self._drawn_lines = 0

    def _write(self, lines: Sequence[str]) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
