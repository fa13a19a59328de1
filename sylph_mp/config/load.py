"""Makes one frozen Config of file, environment and command line, or says everything that is wrong with them.

Runs once in each command, and again in the master on reload.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec

from sylph_mp.config.build import build
from sylph_mp.config.file import ConfigFile, read_file
from sylph_mp.config.file_values import from_file
from sylph_mp.config.key import Path
from sylph_mp.config.outside_values import from_environment, from_options
from sylph_mp.config.rules import Finding, check
from sylph_mp.config.said import Mistake, Said, Value, dotted
from sylph_mp.config.schema import Config
from sylph_mp.errors import ConfigError, Problem

NOTHING: Mapping[str, str] = MappingProxyType({})


def available_cores() -> int:
    """Cores that this process may use, which may be fewer than the host has."""
    return len(os.sched_getaffinity(0))


def load(
    path: str | os.PathLike[str],
    *,
    environ: Mapping[str, str] = NOTHING,
    overrides: Mapping[str, str] = NOTHING,
    cores: Callable[[], int] = available_cores,
) -> Config:
    """Read `path`, then SYLPH_... variables, then `overrides` (`--set KEY=VALUE`); the later wins.

    Raises ConfigError with all problems, sorted by line. What is only a warning stands in `Config.warnings`.
    """
    file = read_file(os.fspath(path))
    values, mistakes = _collect(file, environ, overrides)
    config = build(file.path, values, cores=cores())
    findings = [found for found in check(config) if not _follows(found.path, mistakes)]
    problems = [mistake.problem for mistake in mistakes] + [_problem(found, file, config) for found in findings]
    problems.sort(key=lambda problem: _order(problem, file))
    if all(problem.warning for problem in problems):
        return msgspec.structs.replace(config, warnings=tuple(problems))
    raise ConfigError(_verdict(problems, file), problems=tuple(problems))


def _collect(
    file: ConfigFile, environ: Mapping[str, str], overrides: Mapping[str, str]
) -> tuple[dict[Path, Value], list[Mistake]]:
    values: dict[Path, Value] = {}
    mistakes: list[Mistake] = []
    _sort(from_file(file), values, mistakes)
    tables = [path for path in values if path[0] in {"topics", "instances"} and len(path) == 2]
    if not any(path[0] == "instances" for path in tables):
        tables.append(("instances", "default"))
    earlier = {path: value.place for path, value in values.items() if value.value is not None}
    _sort(from_environment(environ, tables, earlier), values, mistakes)
    earlier = {path: value.place for path, value in values.items() if value.value is not None}
    _sort(from_options(overrides, tables, earlier), values, mistakes)
    return values, mistakes


def _sort(said: Iterable[Said], values: dict[Path, Value], mistakes: list[Mistake]) -> None:
    """Put each where it belongs; what is said later moves to the end."""
    for each in said:
        if isinstance(each, Mistake):
            mistakes.append(each)
        else:
            values.pop(each.path, None)
            values[each.path] = each


def _follows(path: Path, mistakes: list[Mistake]) -> bool:
    """Whether a finding only repeats what a mistake about the same key, or the key it inherits from, says already."""
    paths = [path]
    if path[0] == "topics":
        paths.append(("consumers", *path[2:]))
    for mistake in mistakes:
        length = len(mistake.path)
        if any(length and (at[:length] == mistake.path or mistake.path[: len(at)] == at) for at in paths):
            return True
    return False


def _problem(found: Finding, file: ConfigFile, config: Config) -> Problem:
    above = (found.path[:length] for length in range(len(found.path), 0, -1))
    place = next((config.places[dotted(path)] for path in above if dotted(path) in config.places), file.shown)
    if place == file.shown or place.startswith(f"{file.shown}:"):
        problem = file.value_problem(
            found.path, found.what, hint=found.hint, why=found.why, fix=found.fix, quote=found.quote
        )
    else:
        problem = Problem(place=place, what=found.what, why=found.why or None, fix=found.fix or None)
    return msgspec.structs.replace(problem, warning=found.warning)


def _order(problem: Problem, file: ConfigFile) -> tuple[int, int, int]:
    found = re.fullmatch(re.escape(file.shown) + r"(?::(\d+):(\d+))?", problem.place)
    return (0, int(found[1] or 0), int(found[2] or 0)) if found else (1, 0, 0)


def _verdict(problems: list[Problem], file: ConfigFile) -> str:
    errors = sum(not problem.warning for problem in problems)
    return f"{errors} error{'s' * (errors > 1)} in {file.shown}; nothing was started"
