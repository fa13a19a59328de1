"""Writes one value into a TOML text, and leaves all the rest as it is, comments too. Pure."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from sylph_mp.config.kinds import show_toml
from sylph_mp.config.locate import Path, Spot, locate


class UneditableError(Exception):
    """The text is written in a way in which the value cannot be put without touching more; it says where."""


def with_value(text: str, path: Path, value: object) -> str:
    """`text` with the key at `path` set to `value`, on its line or a new one in its table. Raises UneditableError."""
    data = tomllib.loads(text)
    lines = text.splitlines(keepends=True)
    spots = locate(text, data)
    _put(lines, spots, path, value)
    edited = "".join(lines)
    if tomllib.loads(edited) != _set(data, path, value):
        raise UneditableError("it is written in a way that is not understood")
    return edited


def _put(lines: list[str], spots: Mapping[Path, Spot], path: Path, value: object) -> None:
    spot, table = spots.get(path), spots.get(path[:-1])
    if spot is not None and spot.value_column is not None:
        _replace(lines, spot, spot.value_column, show_toml(value))
    elif spot is None and table is not None and table.value_column is None:
        lines.insert(_end_of(table.line, lines), f"{path[-1]} = {show_toml(value)}\n")
    elif spot is None and table is not None and table.value_column is not None and table.value.startswith("{"):
        inner = table.value.removesuffix("}").rstrip()
        comma = "" if inner.endswith("{") else ","
        _replace(lines, table, table.value_column, f"{inner}{comma} {path[-1]} = {show_toml(value)} }}")
    elif spot is None and table is None and path[:-2] in spots:
        _put(lines, spots, path[:-1], {path[-1]: value})
    else:
        raise UneditableError(f"line {spot.line if spot else '?'} holds more than this value")


def _replace(lines: list[str], spot: Spot, column: int, by: str) -> None:
    line, at = lines[spot.line - 1], column - 1
    lines[spot.line - 1] = line[:at] + by + line[at + len(spot.value) :]


def _end_of(heading: int, lines: list[str]) -> int:
    """Where a new line goes: behind the last line of the table that says something."""
    end = heading
    for number in range(heading, len(lines)):
        if re.match(r"\s*\[", lines[number]):
            break
        if lines[number].strip() and not lines[number].lstrip().startswith("#"):
            end = number + 1
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    return end


def _set(data: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """A copy of `data` with the value in it."""
    name, *rest = path
    return data | {name: _set(data.get(name, {}), tuple(rest), value) if rest else value}
