"""What one source (file, environment, command line) says about one key: a value that fits, or a mistake.

Pure. The sources share it, so that a key is read alike wherever it is set.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sylph_mp.config.key import Key, Path
from sylph_mp.errors import Problem

#: Column at which the note behind a remedy begins.
NOTE_COLUMN = 39


class Value(Struct, frozen=True):
    """A value that fits. What has parts counts too, as a value of None: it is there, and it has a place."""

    path: Path
    value: Any
    place: str


class Mistake(Struct, frozen=True):
    """What is wrong about `path`; nothing further is said about it."""

    path: Path
    problem: Problem


Said = Value | Mistake


class Leaf(Struct, frozen=True):
    """A raw value and its key; None where there is no such key."""

    path: Path
    key: Key | None
    raw: Any


def leaves(path: Path, key: Key, raw: object) -> Iterator[Leaf]:
    """A value given as a table, part by part; any other value as it is."""
    if not key.parts or not isinstance(raw, dict):
        yield Leaf(path, key, raw)
        return
    parts = {part.name: part for part in key.parts}
    for name, value in raw.items():
        yield Leaf((*path, name), parts.get(name), value)


def read(path: Path, key: Key, raw: object) -> list[tuple[Path, Any]]:
    """The values that a raw value means. Raises UnfitError."""
    value = key.kind.read(raw)
    return [((*path, part.name), value) for part in key.parts] or [(path, value)]


def dotted(path: Path) -> str:
    return ".".join(path)


def variable(path: Path) -> str:
    """The environment variable of a key: `SYLPH_CONSUMERS_THREADS`."""
    return "SYLPH_" + "_".join(path).translate(str.maketrans("-.%|", "____")).upper()


def with_note(fix: str, note: str) -> str:
    """A remedy and what else would do: `threads = 8      (1 to 256, default 8)`."""
    if not note:
        return fix
    return f"{fix:<{NOTE_COLUMN}}({note})" if len(fix) < NOTE_COLUMN else f"{fix}  ({note})"
