"""The terminal as `sylph top` uses it: a screen of its own, keys one by one, and the terminal as it was at the end.

In the command's process. Sequences: ECMA-48 and xterm's control sequences, `1049` alternate screen, `25` cursor,
`7` wrap at the right margin.
"""

import os
import re
import select
import shutil
import signal
import socket
import termios
import tty
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Self, TextIO

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_NAMED = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\r": "enter",
    "\n": "enter",
    "\x1b": "escape",
    "\x7f": "backspace",
    "\b": "backspace",
}
#: A sequence that a key sends, or a character.
_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)


def is_terminal(*streams: TextIO) -> bool:
    """Whether all are one that can be drawn on."""
    return all(stream.isatty() for stream in streams) and os.environ.get("TERM", "dumb") != "dumb"


class Terminal:
    """`with` takes it and gives it back."""

    def __init__(self, keyboard: TextIO, screen: TextIO) -> None:
        self._keyboard = keyboard.fileno()
        self._screen = screen
        self._woken, self._waker = socket.socketpair()
        self._as_it_was: list[Any] = []
        self._resized: Callable[[int, FrameType | None], Any] | int | None = None

    def __enter__(self) -> Self:
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._as_it_was = termios.tcgetattr(self._keyboard)
        tty.setcbreak(self._keyboard)
        changed = termios.tcgetattr(self._keyboard)
        changed[6][termios.VSUSP] = b"\0"  # put to sleep, it would leave the shell this screen
        termios.tcsetattr(self._keyboard, termios.TCSADRAIN, changed)
        self._resized = signal.signal(signal.SIGWINCH, lambda *_: self.wake())
        self._write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGWINCH, self._resized)
        self._write(_LEAVE)
        termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._as_it_was)
        self._woken.close()
        self._waker.close()

    @property
    def size(self) -> os.terminal_size:
        return shutil.get_terminal_size()

    def draw(self, lines: Iterable[str]) -> None:
        """The whole screen; lines beyond its size are not seen."""
        height = self.size.lines
        shown = list(lines)[:height]
        # Erased before it is written: behind a line that fills the width, its last character would be erased.
        text = "\r\n".join(_REST_OF_LINE + line for line in shown)
        self._write(_HOME + text + ("\r\n" + _REST_OF_SCREEN if len(shown) < height else ""))

    def keys(self, limit_s: float) -> list[str] | None:
        """Wait for keys, for `wake`, or for a change of size; None when nobody holds the other end any more.

        A key is its character, or `up`, `down`, `enter`, `escape`, `backspace`; "" is one that has no meaning here.
        """
        readable, _, _ = select.select([self._keyboard, self._woken.fileno()], [], [], limit_s)
        if self._woken.fileno() in readable:
            self._woken.recv(4096)
        if self._keyboard not in readable:
            return []
        data = os.read(self._keyboard, 1024)
        return keys_in(data) if data else None

    def wake(self) -> None:
        """End `keys` from another thread."""
        try:
            self._waker.send(b"\0")
        except (BlockingIOError, OSError):  # it has been woken already, or has gone
            return

    def _write(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()


def keys_in(data: bytes) -> list[str]:
    """What was typed, as `Terminal.keys` names it."""
    typed = _KEY.findall(data.decode(errors="ignore"))
    return [_NAMED.get(key, key if key.isprintable() else "") for key in typed]
