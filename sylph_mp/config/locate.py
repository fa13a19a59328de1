"""Finds where keys and values stand in a TOML text, because the standard parser does not say.

Pure. The text has been parsed before; what is found and does not agree with that parse is left out, since a wrong
line is worse than none.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Path = tuple[str, ...]

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
#: In this order: three quotes before one.
_STRING = re.compile(
    "|".join(
        (
            r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}',
            r"'''.*?'{3,5}",
            r'"(?:[^"\\\n]|\\.)*"',
            r"'[^'\n]*'",
        )
    ),
    re.DOTALL,
)
_ATOM = re.compile(r"[^,\]}#\n]+")


class Spot(Struct, frozen=True, kw_only=True):
    """Where a key stands; lines and columns from 1, columns and widths in characters."""

    line: int
    column: int
    width: int
    value_column: int | None = None
    """None: a table's heading, or a value that is not on this line alone."""
    value: str = ""
    """The value as written; "" where `value_column` is None."""


def locate(text: str, data: Mapping[str, Any]) -> dict[Path, Spot]:
    """Where each key of `data`, which `text` was parsed to, is written; keys inside of arrays are left out."""
    scanner = _Scanner(text)
    try:
        scanner.document()
    except (_LostError, RecursionError):
        return {}
    return {path: spot for path, spot in scanner.spots.items() if spot is not None and _has(data, path)}


def _has(data: Any, path: Path) -> bool:
    for name in path:
        if not isinstance(data, Mapping) or name not in data:
            return False
        data = data[name]
    return True


class _LostError(Exception):
    """The scanner met what it does not understand."""


class _Scanner:
    """Walks the text once; `at` is the index of the next character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.spots: dict[Path, Spot | None] = {}
        """None: written twice as a key, so it is not clear which is meant."""

    def document(self) -> None:
        table: Path | None = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._take("[["):
                self._heading(None, "]]")
                table = None
            elif self._take("["):
                table = self._heading((), "]")
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _heading(self, table: Path | None, closing: str) -> Path:
        names = self._names()
        self._expect(closing)
        self._note(table, names, value_at=None)
        return tuple(name for name, _, _ in names)

    def _pair(self, table: Path | None) -> None:
        names = self._names()
        self._expect("=")
        self._skip(_SPACE)
        value_at = self._at
        inner = None if table is None else (*table, *(name for name, _, _ in names))
        self._value(inner)
        self._note(table, names, value_at)

    def _names(self) -> list[tuple[str, int, int]]:
        """The parts of a dotted key: name, index, width as written."""
        names = []
        while True:
            self._skip(_SPACE)
            at = self._at
            found = _BARE_KEY.match(self._text, at) or _STRING.match(self._text, at)
            if found is None:
                raise _LostError
            self._at = found.end()
            names.append((_key_name(found[0]), at, len(found[0])))
            self._skip(_SPACE)
            if not self._take("."):
                return names

    def _value(self, path: Path | None) -> None:
        if found := _STRING.match(self._text, self._at):
            self._at = found.end()
        elif self._take("["):
            self._array()
        elif self._take("{"):
            self._inline_table(path)
        else:
            self._skip(_ATOM)

    def _array(self) -> None:
        while True:
            self._skip(_BLANK)
            if self._take("]"):
                return
            at = self._at
            self._value(None)
            self._skip(_BLANK)
            self._take(",")
            if self._at == at:
                raise _LostError

    def _inline_table(self, path: Path | None) -> None:
        while True:
            self._skip(_BLANK)
            if self._take("}"):
                return
            self._pair(path)
            self._skip(_BLANK)
            self._take(",")

    def _note(self, table: Path | None, names: list[tuple[str, int, int]], value_at: int | None) -> None:
        if table is None:
            return
        for count, (_, at, width) in enumerate(names, start=1):
            path = (*table, *(name for name, _, _ in names[:count]))
            last = count == len(names)
            if not last:
                self.spots.setdefault(path, self._spot(at, width, None))
            elif value_at is None or path not in self.spots:
                self.spots[path] = self._spot(at, width, value_at)
            else:
                self.spots[path] = None

    def _spot(self, at: int, width: int, value_at: int | None) -> Spot:
        line = bisect_right(self._starts, at)
        column = at - self._starts[line - 1] + 1
        value = "" if value_at is None else self._text[value_at : self._at].rstrip()
        if value_at is None or "\n" in value:
            return Spot(line=line, column=column, width=width)
        value_column = value_at - self._starts[line - 1] + 1
        return Spot(line=line, column=column, width=width, value_column=value_column, value=value)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self._text, self._at):
            self._at = found.end()

    def _take(self, mark: str) -> bool:
        taken = self._text.startswith(mark, self._at)
        self._at += len(mark) if taken else 0
        return taken

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise _LostError


def _key_name(written: str) -> str:
    if written[0] == "'":
        return written[1:-1]
    if written[0] == '"':
        if "\\" in written:
            raise _LostError  # escapes in keys: nobody needs them here
        return written[1:-1]
    return written
