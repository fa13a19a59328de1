"""Every key with the value that holds and where it came from, for `sylph config show`. Pure."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sylph_mp.config.key import Key, Path, Table
from sylph_mp.config.keys import TABLES, TOP
from sylph_mp.config.said import dotted, variable
from sylph_mp.config.schema import Config

#: Printed where a secret is set.
HIDDEN = "(set, not shown)"


class Setting(Struct, frozen=True, kw_only=True):
    path: Path
    key: Key
    value: Any
    """As the schema holds it; HIDDEN or "" for a secret."""
    place: str | None
    """Where it was set; None: the default holds."""

    @property
    def name(self) -> str:
        return dotted(self.path)

    @property
    def text(self) -> str:
        """The value as TOML."""
        return str(self.value) if self.key.secret else self.key.show(self.value)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return variable(self.path)


def settings(config: Config) -> Iterator[Setting]:
    """In the order of the reference page."""
    yield _setting(config, ("app",), TOP.keys["app"], config.app)
    for table in TABLES[1:]:
        for prefix, values in _tables(config, table):
            for key in table.keys.values():
                yield _setting(config, (*prefix, key.name), key, getattr(values, key.name))


def _tables(config: Config, table: Table) -> Iterator[tuple[Path, Struct]]:
    found = getattr(config, table.name)
    if table.names:
        yield from (((table.name, name), values) for name, values in found.items())
    else:
        yield (table.name,), found


def _setting(config: Config, path: Path, key: Key, value: Any) -> Setting:
    if key.secret and value:
        value = HIDDEN
    return Setting(path=path, key=key, value=value, place=config.places.get(dotted(path)))
