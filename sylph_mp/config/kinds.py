"""What a configuration value may be: whole numbers, seconds, sizes, names, addresses, each with its bounds.

Pure. A kind takes what TOML gives and returns what the schema holds, or raises `UnfitError`.
"""

import math
import re
import tomllib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import msgspec

from sylph_mp.config.schema import EMBEDDED

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class UnfitError(Exception):
    """A value is not of its kind; the text says so, without the key."""

    def __init__(self, text: str, *, note: str = "") -> None:
        super().__init__(text)
        self.note = note
        """Written behind the remedy in place of bounds and default."""


class Kind(ABC):
    @abstractmethod
    def read(self, value: object) -> Any:
        """The value as the schema holds it. Raises UnfitError."""

    @property
    def bounds(self) -> str:
        """What is allowed, as people read it; "" where anything is."""
        return ""

    def show(self, value: Any) -> str:
        """A value of the schema as TOML."""
        return show_toml(value)

    def from_text(self, text: str) -> object:
        """What an environment variable or `--set` says, as if it stood in the file."""
        try:
            table = tomllib.loads(f"value = {text}")
        except tomllib.TOMLDecodeError:
            return text
        return table["value"] if len(table) == 1 else text


@dataclass(frozen=True)
class Whole(Kind):
    low: int
    high: int

    @property
    def bounds(self) -> str:
        return f"{self.low} to {self.high}"

    def read(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise UnfitError(f"a whole number is due, not {show_toml(value)}")
        if not self.low <= value <= self.high:
            raise UnfitError(f"{value} is not within {self.bounds}")
        return value


@dataclass(frozen=True)
class Number(Kind):
    """Seconds, or a factor."""

    low: float
    high: float

    @property
    def bounds(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def read(self, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
            raise UnfitError(f"a number is due, not {show_toml(value)}")
        if not self.low <= value <= self.high:
            raise UnfitError(f"{value:g} is not within {self.bounds}")
        return float(value)

    def show(self, value: Any) -> str:
        return f"{value:g}"


@dataclass(frozen=True)
class Size(Kind):
    low: int
    high: int

    @property
    def bounds(self) -> str:
        return f"{show_size(self.low)} to {show_size(self.high)}"

    def read(self, value: object) -> int:
        size = value if isinstance(value, int) and not isinstance(value, bool) else self._from_words(value)
        if not self.low <= size <= self.high:
            raise UnfitError(f"{show_toml(value)} is not within {self.bounds}")
        return size

    def _from_words(self, value: object) -> int:
        found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?) ?(B|KiB|MiB|GiB)", value) if isinstance(value, str) else None
        if found is None:
            raise UnfitError(f"{show_toml(value)} is no size", note=", ".join(UNITS))
        return int(float(found[1]) * UNITS[found[2]])

    def show(self, value: Any) -> str:
        return f'"{show_size(value)}"'


@dataclass(frozen=True)
class Flag(Kind):
    @property
    def bounds(self) -> str:
        return "true or false"

    def read(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise UnfitError(f"true or false is due, not {show_toml(value)}")
        return value


@dataclass(frozen=True)
class Text(Kind):
    """Text of one form, such as a name that RocketMQ limits."""

    what: str
    pattern: str = r"[^\x00-\x1f]*"
    legal: str = ""
    longest: int = 4096

    @property
    def bounds(self) -> str:
        return f"{self.legal}, at most {self.longest}" if self.legal else ""

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise UnfitError(f"a {self.what} is due, not {show_toml(value)}")
        if not re.fullmatch(self.pattern, value):
            raise UnfitError(f"{show_toml(value)} is no {self.what}", note=self.legal)
        if len(value) > self.longest:
            raise UnfitError(f"a {self.what} has at most {self.longest} characters, not {len(value)}")
        return value

    def from_text(self, text: str) -> object:
        return text


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def bounds(self) -> str:
        return " or ".join(show_toml(word) for word in self.words)

    def read(self, value: object) -> str:
        if value not in self.words:
            raise UnfitError(f"{self.bounds} is due, not {show_toml(value)}")
        assert isinstance(value, str)
        return value

    def from_text(self, text: str) -> object:
        return text


@dataclass(frozen=True)
class Address(Kind):
    """`host:port`, or nothing."""

    def read(self, value: object) -> str:
        if value != "":
            read_address(value)
        assert isinstance(value, str)
        return value

    def from_text(self, text: str) -> object:
        return text


@dataclass(frozen=True)
class Endpoints(Kind):
    """`host:port;host:port`, or `embedded`."""

    def read(self, value: object) -> tuple[str, ...]:
        if value == EMBEDDED:
            return (EMBEDDED,)
        if not isinstance(value, str):
            raise UnfitError(f"a text is due, not {show_toml(value)}")
        parts = [part.strip() for part in value.split(";")]
        for part in parts:
            read_address(part)
        return tuple(dict.fromkeys(parts))

    def show(self, value: Any) -> str:
        return show_toml(";".join(value))

    def from_text(self, text: str) -> object:
        return text


@dataclass(frozen=True)
class OnlyTable(Kind):
    """For a key that has parts and can be given in no other way."""

    def read(self, value: object) -> Any:
        raise UnfitError(f"a table is due, not {show_toml(value)}")


def read_address(value: object) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises UnfitError."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})", value) if isinstance(value, str) else None
    if found is None or int(found[2]) > 65535:
        raise UnfitError(f"{show_toml(value)} is no host:port")
    return found[1].strip("[]"), int(found[2])


def show_size(size: int) -> str:
    """Bytes in the largest unit that divides them."""
    unit = next(unit for unit in reversed(UNITS) if size % UNITS[unit] == 0)
    return f"{size // UNITS[unit]} {unit}"


def show_toml(value: object) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {show_toml(part)}" for name, part in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show_toml(part) for part in value) + "]"
    return str(value)
