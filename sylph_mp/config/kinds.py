"""What a configuration value may be: whole numbers, seconds, sizes, names, addresses, each with its bounds.

Pure. A kind takes what TOML gives and returns what the schema holds, or raises `UnfitError`.
"""

import math
import re
import tomllib
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct, StructMeta

from sylph_mp.config.schema import EMBEDDED

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

#: What a rate may be in, and the seconds of each.
TIMES = {"s": 1.0, "min": 60.0, "h": 3600.0}


class UnfitError(Exception):
    """A value is not of its kind; the text says so, without the key."""

    def __init__(self, text: str, *, note: str = "") -> None:
        super().__init__(text)
        self.note = note
        """Written behind the remedy in place of bounds and default."""


class _AbstractStruct(StructMeta, ABCMeta):
    """A Struct with abstract methods: a dataclass takes a hundred times as long to define, in each command."""


class Kind(Struct, frozen=True, metaclass=_AbstractStruct):
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


class Whole(Kind, frozen=True):
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


class Number(Kind, frozen=True):
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


class Size(Kind, frozen=True):
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
        found = re.fullmatch(r"(\d{1,13}(?:\.\d{1,9})?) ?(B|KiB|MiB|GiB)", value) if isinstance(value, str) else None
        if found is None:
            raise UnfitError(f"{show_toml(value)} is no size", note=", ".join(UNITS))
        return int(float(found[1]) * UNITS[found[2]])

    def show(self, value: Any) -> str:
        return f'"{show_size(value)}"'


class OptionalSize(Size, frozen=True):
    """A size that may be none, `""`; the schema holds 0 then."""

    @property
    def bounds(self) -> str:
        return f'{super().bounds}, or ""'

    def read(self, value: object) -> int:
        none = value == "" or (value == 0 and not isinstance(value, bool))
        return 0 if none else super().read(value)

    def show(self, value: Any) -> str:
        return super().show(value) if value else '""'


class Rate(Kind, frozen=True):
    """Messages in a time, `500/s`; the schema holds them per second, 0 for no limit."""

    @property
    def bounds(self) -> str:
        return "such as 500/s, 30/min, 100/h, or off"

    def read(self, value: object) -> float:
        if value in ("", "off") or (value == 0 and not isinstance(value, bool)):
            return 0.0
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?) ?/ ?(s|min|h)", value) if isinstance(value, str) else None
        if found is None or not float(found[1]):
            raise UnfitError(f"{show_toml(value)} is no rate", note=self.bounds)
        return float(found[1]) / TIMES[found[2]]

    def show(self, value: Any) -> str:
        for unit, seconds in TIMES.items():
            if value * seconds >= 1:
                return f'"{value * seconds:.6g}/{unit}"'
        return '"off"' if value == 0 else f'"{value * 3600:.6g}/h"'

    def from_text(self, text: str) -> object:
        return text


class Slots(Kind, frozen=True):
    """Numbers of slots, `1-2` or `1,3`; the schema holds them in order, none for all."""

    high: int

    @property
    def bounds(self) -> str:
        return 'such as "1-2", "3" or "1,3-4"'

    def read(self, value: object) -> tuple[int, ...]:
        if value in ("", ()):
            return ()
        if not isinstance(value, str) or not re.fullmatch(r"\d{1,4}(-\d{1,4})?( ?, ?\d{1,4}(-\d{1,4})?)*", value):
            raise UnfitError(f"{show_toml(value)} names no slots", note=self.bounds)
        numbers: set[int] = set()
        for part in value.split(","):
            first, _, last = part.strip().partition("-")
            numbers.update(range(int(first), int(last or first) + 1))
        if not numbers or min(numbers) < 1 or max(numbers) > self.high:
            raise UnfitError(f"{show_toml(value)} is not within 1 to {self.high}", note=self.bounds)
        return tuple(sorted(numbers))

    def show(self, value: Any) -> str:
        return show_toml(",".join(_runs(value)))

    def from_text(self, text: str) -> object:
        return text


def _runs(numbers: tuple[int, ...]) -> Iterator[str]:
    """`1-3`, `7`"""
    for _, group in groupby(enumerate(numbers), lambda placed: placed[1] - placed[0]):
        run = [number for _, number in group]
        yield f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0])


class Flag(Kind, frozen=True):
    @property
    def bounds(self) -> str:
        return "true or false"

    def read(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise UnfitError(f"true or false is due, not {show_toml(value)}")
        return value


class Text(Kind, frozen=True):
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


class Choice(Kind, frozen=True):
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


class Address(Kind, frozen=True):
    """`host:port`, or nothing."""

    def read(self, value: object) -> str:
        if value != "":
            read_address(value)
        assert isinstance(value, str)
        return value

    def from_text(self, text: str) -> object:
        return text


class _Parts(Kind, frozen=True):
    """Texts with `;` between, each once."""

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, str):
            raise UnfitError(f"a text is due, not {show_toml(value)}")
        parts = [part.strip() for part in value.split(";")]
        for part in parts:
            self.check(part)
        return tuple(dict.fromkeys(parts))

    @abstractmethod
    def check(self, part: str) -> None:
        """Raises UnfitError."""

    def show(self, value: Any) -> str:
        return show_toml(";".join(value))

    def from_text(self, text: str) -> object:
        return text


class Endpoints(_Parts, frozen=True):
    """`host:port;host:port`, or `embedded`."""

    def read(self, value: object) -> tuple[str, ...]:
        return (EMBEDDED,) if value == EMBEDDED else super().read(value)

    def check(self, part: str) -> None:
        read_address(part)


class Urls(_Parts, frozen=True):
    """`URL;URL`, or none."""

    def read(self, value: object) -> tuple[str, ...]:
        return () if isinstance(value, str) and not value.strip() else super().read(value)

    def check(self, part: str) -> None:
        if re.fullmatch(r"https?://[^\s/?#@]+(/[^\s#]*)?", part) is None:
            raise UnfitError(f"{show_toml(part)} is no URL such as http://127.0.0.1:5557/metrics")


class OnlyTable(Kind, frozen=True):
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
