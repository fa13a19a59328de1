"""The lines that were not stored: the first few with their reason on the screen, all of them in a file if wanted.

On the loop thread of the command.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from sylph_mp.cli.sending.lines import Line
from sylph_mp.errors import OutgoingError, Problem, ResourceError, SylphError, UsageError

#: More of them hide what else there is to see; they are only counted.
SHOWN = 3


class Failure(Struct, frozen=True):
    place: str
    """`orders.jsonl:17`"""
    reason: str


class Failures:
    """`say` gets a problem for each of the first; `keep_in` gets the lines as they were, behind what it has."""

    def __init__(self, *, place: Callable[[Line], str], say: Callable[[Problem], None], keep_in: Path | None) -> None:
        self.first: list[Failure] = []
        self.broken: ResourceError | None = None
        """Why lines are not kept any more."""
        self._place = place
        self._say = say
        self._kept_in = keep_in
        self._file: BinaryIO | None = None if keep_in is None else _opened(keep_in)

    def take(self, line: Line, error: SylphError, unknown: bool) -> None:
        if len(self.first) < SHOWN:
            failure = Failure(self._place(line), _reason(error, unknown))
            self.first.append(failure)
            self._say(Problem(place=failure.place, what=failure.reason))
        if self._file is not None and line.text is not None:
            self._keep(self._file, line.text)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _keep(self, file: BinaryIO, text: bytes) -> None:
        try:
            file.write(text + b"\n")
            file.flush()
        except OSError as full:
            self.broken = ResourceError(f"{self._kept_in} does not have all lines that failed: {full.strerror}")
            self._file = None
            with suppress(OSError):  # it tries once more to write what did not fit
                file.close()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("ab")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _reason(error: SylphError, unknown: bool) -> str:
    if unknown:
        return f"it may be stored or not: {error}"
    return str(error) if isinstance(error, OutgoingError) else f"not stored: {error}"
