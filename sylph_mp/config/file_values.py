"""What the configuration file says, key by key, with the line of each mistake. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from sylph_mp.config.file import ConfigFile
from sylph_mp.config.key import Key, Path, Table
from sylph_mp.config.keys import TABLES, TOP, key_of
from sylph_mp.config.kinds import UnfitError, show_toml
from sylph_mp.config.nearest import nearest
from sylph_mp.config.said import Leaf, Mistake, Said, Value, dotted, leaves, read, variable, with_note

_TABLES = {table.name: table for table in TABLES if table.name}


def from_file(file: ConfigFile) -> Iterator[Said]:
    for name, value in file.data.items():
        if name in TOP.keys:
            yield from _key(file, (name,), TOP.keys[name], value)
        elif name not in _TABLES:
            yield _unknown(file, (name,), [*TOP.keys, *_TABLES])
        elif not isinstance(value, dict):
            yield _no_table(file, (name,), value)
        elif _TABLES[name].names:
            for inner, values in value.items():
                yield from _named_table(file, (name, inner), _TABLES[name], values)
        else:
            yield from _table(file, (name,), _TABLES[name], value)


def _named_table(file: ConfigFile, path: Path, table: Table, values: object) -> Iterator[Said]:
    assert table.names is not None
    try:
        table.names.read(path[-1])
    except UnfitError as error:
        yield Mistake(path, file.key_problem(path, str(error), hint=error.note))
        return
    if not isinstance(values, dict):
        yield _no_table(file, path, values)
        return
    yield from _table(file, path, table, values)


def _table(file: ConfigFile, path: Path, table: Table, values: Mapping[str, Any]) -> Iterator[Said]:
    yield Value(path, None, file.place(path))
    for name, value in values.items():
        if name in table.keys:
            yield from _key(file, (*path, name), table.keys[name], value)
        else:
            yield _unknown(file, (*path, name), list(table.keys))


def _key(file: ConfigFile, path: Path, key: Key, raw: object) -> Iterator[Said]:
    if key.secret:
        yield _secret(file, path)
        return
    if key.parts:
        yield Value(path, None, file.place(path))
    for leaf in leaves(path, key, raw):
        yield from _leaf(file, key, leaf)


def _leaf(file: ConfigFile, key: Key, leaf: Leaf) -> Iterator[Said]:
    if leaf.key is None:
        yield _unknown(file, leaf.path, [part.name for part in key.parts])
        return
    try:
        values = read(leaf.path, leaf.key, leaf.raw)
    except UnfitError as error:
        fix = with_note(f"{leaf.key.name} = {leaf.key.remedy}", error.note or leaf.key.limits)
        # No source line: the sentence quotes the value already.
        problem = file.value_problem(leaf.path, f"{dotted(leaf.path)}: {error}", fix=fix, quote=False)
        yield Mistake(leaf.path, problem)
        return
    for path, value in values:
        yield Value(path, value, file.place(leaf.path))


def _unknown(file: ConfigFile, path: Path, known: list[str]) -> Mistake:
    names = nearest(path[-1], known)
    spot = file.spots.get(path)
    written = spot.value if spot else ""
    if names and _is_secret((*path[:-1], names[0])):
        fix = f"set {variable((*path[:-1], names[0]))} in the environment"
    elif names and written and not file.may_be_secret(path):
        fix = f"{names[0]} = {written}"
    elif names:
        fix = file.with_key(path, names[0])
    else:
        fix = _home_of(path[-1])
    meant = (*path[:-1], names[0]) if names else path
    problem = file.key_problem(
        path,
        f"unknown {'table' if isinstance(file.data.get(dotted(path)), dict) else 'key'} {dotted(path)}",
        hint=f"nearest: {', '.join(names)}" if names else "",
        why="an unknown key would leave the default in force without a word",
        fix=fix,
    )
    return Mistake(meant, problem)


def _is_secret(path: Path) -> bool:
    key = key_of(path)
    return key is not None and key.secret


def _home_of(name: str) -> str:
    homes = [table.heading for table in TABLES if name in table.keys and table.name]
    return f"move it to {' or '.join(homes)}" if homes else "remove it; what there is: sylph config show"


def _no_table(file: ConfigFile, path: Path, value: object) -> Mistake:
    shown = "a value" if file.may_be_secret(path) else show_toml(value)
    return Mistake(
        path, file.key_problem(path, f"{dotted(path)}: a table is due, not {shown}", fix=f"[{dotted(path)}]")
    )


def _secret(file: ConfigFile, path: Path) -> Mistake:
    problem = file.key_problem(
        path,
        f"{dotted(path)} is not read from a file",
        why="files are copied, committed and shown around",
        fix=f"remove it here, and set {variable(path)} in the environment",
    )
    return Mistake(path, problem)
