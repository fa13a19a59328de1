"""The configuration file as text and as parsed, so that a message can quote the line it is about.

Read once by `load` and again by `problem_at`; in the process of a command, the master or a consumer.
"""

import re
import tomllib
from pathlib import Path as FilePath
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from sylph_mp.config.key import Path
from sylph_mp.config.locate import Spot, locate
from sylph_mp.config.schema import Config
from sylph_mp.errors import ConfigError, Problem

#: A line with one of these is not quoted: what stands behind it may be secret.
_SECRET = re.compile(r"secret|passw|access|token|credential", re.IGNORECASE)


class ConfigFile(Struct, frozen=True, kw_only=True):
    path: str
    """Absolute."""
    shown: str
    """As messages name it: relative below the working folder."""
    lines: list[str]
    data: dict[str, Any]
    spots: dict[Path, Spot]

    def place(self, path: Path) -> str:
        """`config.toml:17:9`: the value of a key, the name of a table; where it is not written, the table it is in."""
        spot = self._spot(path)
        return f"{self.shown}:{spot.line}:{spot.value_column or spot.column}" if spot else self.shown

    def key_problem(self, path: Path, what: str, *, hint: str = "", why: str = "", fix: str = "") -> Problem:
        """A problem with the carets under the key."""
        spot = self.spots.get(path)
        if spot is None:
            return Problem(place=self.shown, what=what, why=why or None, fix=fix or None)
        return Problem(
            place=f"{self.shown}:{spot.line}:{spot.column}",
            what=what,
            source=self._quote(spot),
            column=spot.column,
            width=spot.width,
            hint=hint or None,
            why=why or None,
            fix=fix or None,
        )

    def value_problem(
        self, path: Path, what: str, *, hint: str = "", why: str = "", fix: str = "", quote: bool = True
    ) -> Problem:
        """A problem with the carets under the value, or under the nearest table above where it is not written."""
        problem = Problem(place=self.place(path), what=what, why=why or None, fix=fix or None)
        spot = self._spot(path)
        if spot is None or not quote:
            return problem
        return msgspec.structs.replace(
            problem,
            source=self._quote(spot),
            column=spot.value_column or spot.column,
            width=len(spot.value) or spot.width,
            hint=hint or None,
        )

    def with_key(self, path: Path, name: str) -> str:
        """The line of a key with another name in its place, to be pasted: `[topics.orders]`."""
        spot = self.spots.get(path)
        line = self._quote(spot) if spot else None
        if spot is None or line is None:
            return f"write {name} in its place"
        return (line[: spot.column - 1] + name + line[spot.column - 1 + spot.width :]).strip()

    def may_be_secret(self, path: Path) -> bool:
        """Whether the line of a key may hold what nobody should read."""
        spot = self._spot(path)
        return spot is not None and self._quote(spot) is None

    def _spot(self, path: Path) -> Spot | None:
        above = (path[:length] for length in range(len(path), 0, -1))
        return next((self.spots[part] for part in above if part in self.spots), None)

    def _quote(self, spot: Spot) -> str | None:
        line = self.lines[spot.line - 1]
        return None if _SECRET.search(line) else line


def read_file(path: str) -> ConfigFile:
    """Read and parse. Raises ConfigError: no such file, not UTF-8, not TOML."""
    absolute = FilePath(path).absolute()
    shown = shown_path(absolute)
    try:
        text = absolute.read_bytes().decode().replace("\r\n", "\n")
    except FileNotFoundError:
        fix = "go to the folder it is in, or name it: --config FILE"
        raise _refusal(shown, "there is no such file", why=f"looked for {absolute}", fix=fix) from None
    except OSError as error:
        raise _refusal(shown, f"cannot be read: {error.strerror}", why=f"it is {absolute}") from error
    except UnicodeDecodeError as error:
        raise _refusal(shown, f"byte {error.start} is not UTF-8", why="TOML is UTF-8 text", fix="save it so") from error
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problem = _syntax_problem(shown, text, str(error))
        raise ConfigError(f"1 error in {shown}; nothing was started", problems=(problem,)) from error
    lines = text.split("\n")
    return ConfigFile(path=str(absolute), shown=shown, lines=lines, data=data, spots=locate(text, data))


class ProblemAt(Protocol):
    """Makes a problem with one thing, whose place it knows."""

    def __call__(self, what: str, *, why: str = "", fix: str = "") -> Problem: ...


def problems_of(config: Config, dotted_key: str, *, unset: str) -> ProblemAt:
    """Problems with what a key sets, at its line; at `unset` where its default holds."""

    def problem(what: str, *, why: str = "", fix: str = "") -> Problem:
        if dotted_key in config.places:
            return problem_at(config, dotted_key, what, why=why, fix=fix)
        return Problem(place=unset, what=what, why=why or None, fix=fix or None)

    return problem


def problem_at(config: Config, dotted_key: str, what: str, *, why: str = "", fix: str = "", hint: str = "") -> Problem:
    """A problem with a configured value, found only later, such as a topic that the broker does not have.

    It quotes the file's line, unless the file has changed since it was loaded.
    """
    place = next((config.places[key] for key in _upwards(dotted_key) if key in config.places), None)
    try:
        file = read_file(config.path)
    except ConfigError:
        return Problem(place=place or config.path, what=what, why=why or None, fix=fix or None)
    path = tuple(dotted_key.split("."))
    for at in (path, ("consumers", *path[2:])):  # a topic may inherit the value
        problem = file.value_problem(at, what, hint=hint, why=why, fix=fix)
        if place is None or place == problem.place:
            return problem
    return Problem(place=place or file.shown, what=what, why=why or None, fix=fix or None)


def _upwards(dotted: str) -> list[str]:
    parts = dotted.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]


def shown_path(path: FilePath) -> str:
    """A path as messages name it: relative where it is below the working folder."""
    here = FilePath.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _refusal(shown: str, what: str, *, why: str = "", fix: str = "") -> ConfigError:
    problem = Problem(place=shown, what=what, why=why or None, fix=fix or None)
    return ConfigError("nothing was started", problems=(problem,))


def _syntax_problem(shown: str, text: str, said: str) -> Problem:
    """tomllib names the place in words only: `Invalid value (at line 3, column 9)`."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", said, re.DOTALL)
    if found is None:
        return Problem(place=shown, what=f"no TOML: {said}")
    line, column = int(found[2]), int(found[3])
    source = text.split("\n")[line - 1]
    return Problem(
        place=f"{shown}:{line}:{column}",
        what=f"no TOML: {found[1]}",
        source=None if _SECRET.search(source) else source,
        column=column,
        fix="text stands in quotes, a table in [brackets]",
    )
