"""A `sylph` command on a terminal of its own: what a person sees of it, and types."""

import os
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import pyte

from sylph_mp.shm.segment import clear_left_over, segment_prefix
from tests.scenarios.traces import kill_all_of, marked

NOTHING: Mapping[str, str] = MappingProxyType({})
#: Colours and the like.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Starts in the constructor; `with` ends all that was started in its folder, whatever happened."""

    def __init__(
        self, folder: Path, *arguments: str, environ: Mapping[str, str] = NOTHING, columns: int = 80, rows: int = 24
    ) -> None:
        self.folder = folder
        self._written = bytearray()
        self._columns, self._rows = columns, rows
        ours, theirs = os.openpty()
        self._typing = os.dup(ours)
        termios.tcsetwinsize(theirs, (rows, columns))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sylph_mp", *arguments],
            cwd=folder,
            env=marked(folder) | environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, args=(ours,))
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kill_all_of(self.folder)
        self.process.wait()
        self._reader.join()
        os.close(self._typing)
        clear_left_over(segment_prefix(str(self.folder / "sylph.sock")))

    @property
    def screen(self) -> str:
        return _CONTROL.sub("", self._written.decode(errors="replace")).replace("\r\n", "\n")

    @property
    def drawn(self) -> list[str]:
        """The lines of the screen now, for a command that draws on all of it."""
        screen = pyte.Screen(self._columns, self._rows)
        pyte.ByteStream(screen).feed(bytes(self._written))
        return [line.rstrip() for line in screen.display]

    def type(self, keys: str) -> None:
        os.write(self._typing, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """As a window does: the size, then the signal."""
        self._columns, self._rows = columns, rows
        termios.tcsetwinsize(self._typing, (rows, columns))
        self.process.send_signal(signal.SIGWINCH)

    def until_drawn(self, phrase: str, limit_s: float = 30) -> list[str]:
        """Wait until it stands on one line of the screen."""
        self.look_until(lambda: any(phrase in line for line in self.drawn), limit_s)
        return self.drawn

    def end(self, limit_s: float = 30) -> int:
        """Wait until nobody holds the terminal any more; returns the exit code."""
        code = self.process.wait(limit_s)
        self._reader.join(limit_s)
        assert not self._reader.is_alive(), f"something that it started goes on\n{self.screen}"
        return code

    def until(self, phrase: str, limit_s: float = 30) -> None:
        """Wait until it is to be read, however it is wrapped."""
        self.look_until(lambda: phrase in " ".join(self.screen.split()), limit_s)

    def look_until(self, seen: Callable[[], object], limit_s: float = 30) -> None:
        end = time.monotonic() + limit_s
        while not seen():
            assert self._reader.is_alive(), f"it has ended\n{self.screen}"
            assert time.monotonic() < end, f"not seen within {limit_s} s\n{self.screen}"
            time.sleep(0.05)

    def _read(self, ours: int) -> None:
        try:
            while data := os.read(ours, 1 << 16):
                self._written += data
        except OSError:  # EIO: the last one that held the other end is gone
            pass
        finally:
            os.close(ours)
