"""What the environment and the command line say about keys. Pure.

A variable that no key has is only a warning: the environment belongs to others too (Kubernetes sets
SYLPH_CONTROL_PORT in every container beside a service called sylph-control).
"""

from collections.abc import Iterable, Iterator, Mapping

from sylph_mp.config.key import Key, Path
from sylph_mp.config.keys import TABLES, key_of
from sylph_mp.config.kinds import UnfitError
from sylph_mp.config.nearest import nearest
from sylph_mp.config.said import Mistake, Said, Value, dotted, leaves, read, variable, with_note
from sylph_mp.errors import Problem

#: Begins the place of what was given with an option, and the remedy.
OPTION = "--set "
#: Beginnings of the variables that are ours; others, such as SYLPH_HOME, are nobody's business.
_OURS = tuple(variable((table.name, "")) for table in TABLES if table.name)


def from_environment(environ: Mapping[str, str], names: Iterable[Path], earlier: Mapping[Path, str]) -> Iterator[Said]:
    """Variables of the keys of all tables, the named ones being `names`, such as ("topics", "orders").

    `earlier` are the places of values that these win over.
    """
    known: dict[str, list[tuple[Path, Key]]] = {}
    for path, key in _keys_of(names):
        known.setdefault(variable(path), []).append((path, key))
    for name, text in sorted(environ.items()):
        if name in known:
            yield from _variable(name, text, known[name], earlier)
        elif name.startswith(_OURS):
            yield _unknown_variable(name, list(known))


def from_options(overrides: Mapping[str, str], names: Iterable[Path], earlier: Mapping[Path, str]) -> Iterator[Said]:
    """`--set KEY=VALUE` for keys of the tables `names`."""
    known = dict(_keys_of(names))
    for name, text in overrides.items():
        path = tuple(name.split("."))
        if path not in known:
            yield _unknown_option(name, [dotted(other) for other in known])
        elif known[path].secret:
            yield _secret_option(name, path)
        else:
            why = _wins("the command line", path, earlier)
            yield from _read(OPTION + name, f"{OPTION}{name}=", path, known[path], text, why)


def _keys_of(names: Iterable[Path]) -> Iterator[tuple[Path, Key]]:
    named = list(names)
    for table in TABLES:
        prefixes: list[Path] = [(table.name,)] if table.name else [()]
        if table.names:
            prefixes = [path for path in named if path[0] == table.name]
        for prefix in prefixes:
            for key in table.keys.values():
                yield (*prefix, key.name), key
                yield from (((*prefix, key.name, part.name), part) for part in key.parts)


def _variable(name: str, text: str, keys: list[tuple[Path, Key]], earlier: Mapping[Path, str]) -> Iterator[Said]:
    path, key = keys[0]
    if len(keys) > 1:
        both = " and ".join(dotted(other) for other, _ in keys)
        yield Mistake(path, Problem(place=name, what=f"it is not clear which is meant: {both}", fix="use --set"))
        return
    yield from _read(name, f"{name}=", path, key, text, _wins("the environment", path, earlier))


def _read(place: str, setter: str, path: Path, key: Key, text: str, why: str | None) -> Iterator[Said]:
    whole = path if key.parts else path[:-1]
    if key_of(whole) is not None:
        yield Value(whole, None, place)
    for leaf in leaves(path, key, key.kind.from_text(text)):
        try:
            if leaf.key is None:
                raise UnfitError(f"unknown key {leaf.path[-1]}")
            for at, value in read(leaf.path, leaf.key, leaf.raw):
                yield Value(at, value, place)
        except UnfitError as error:
            what = "no plain text" if key.secret else str(error)
            fix = with_note(setter + _shell(key), error.note or key.limits)
            yield Mistake(leaf.path, Problem(place=place, what=what, why=why, fix=None if key.secret else fix))


def _shell(key: Key) -> str:
    """A right value, as a shell takes it."""
    return f"'{key.remedy}'" if key.parts and key.remedy.startswith("{") else key.remedy


def _wins(source: str, path: Path, earlier: Mapping[Path, str]) -> str | None:
    place = next((earlier[at] for at in earlier if at[: len(path)] == path), None)
    if place is None:
        return None
    file, line, *_ = [*place.split(":"), ""]
    return f"{source} wins over {file}:{line}, which is valid" if line else f"{source} wins over {file}, which is valid"


def _unknown_variable(name: str, known: list[str]) -> Mistake:
    names = nearest(name, known)
    problem = Problem(
        place=name,
        what="this variable sets no key",
        why="names that begin like ours may be meant for us, or be set by somebody else",
        fix=f"{names[0]}, if that is meant" if names else None,
        warning=True,
    )
    return Mistake((), problem)


def _unknown_option(name: str, known: list[str]) -> Mistake:
    names = nearest(name, known)
    problem = Problem(
        place=OPTION + name,
        what=f"unknown key {name}",
        why="an unknown key would leave the default in force without a word",
        fix=f"{OPTION}{names[0]}=…" if names else "keys of the tables in the file, such as consumers.threads",
    )
    return Mistake((), problem)


def _secret_option(name: str, path: Path) -> Mistake:
    problem = Problem(
        place=OPTION + name,
        what="a secret is not read from the command line",
        why="everybody on this host can list the command lines",
        fix=f"set {variable(path)} in the environment",
    )
    return Mistake(path, problem)
