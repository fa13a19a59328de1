"""What a key of the configuration is, and a table of keys. Pure."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sylph_mp.config.kinds import Kind
from sylph_mp.config.schema import Range

#: Where a key stands: ("topics", "orders", "shards").
Path = tuple[str, ...]


class Key(Struct, frozen=True, kw_only=True):
    name: str
    kind: Kind
    doc: str
    default: Any = None
    """None: it must be given, or it is taken from elsewhere, as `doc` says."""
    parts: tuple["Key", ...] = ()
    """The keys of a value that is a table. What `kind` takes goes for all of them."""
    inherited: bool = False
    """A topic takes it from [consumers] where it does not say otherwise."""
    secret: bool = False
    """Comes from the environment only and is never printed."""
    example: str = ""
    """For the remedy where there is no default: TOML."""

    @property
    def remedy(self) -> str:
        """A right value, as TOML."""
        return self.example or self.show(self.default)

    @property
    def limits(self) -> str:
        """`1 to 256, default 8`"""
        default = "" if self.default is None or self.default in ("", ()) else f"default {self.show(self.default)}"
        return ", ".join(part for part in (self.kind.bounds, default) if part)

    def show(self, value: Any) -> str:
        """A value of this key as TOML."""
        if isinstance(value, Range) and value.min == value.max:
            return str(value.min)
        if self.parts:
            shown = (f"{part.name} = {part.show(getattr(value, part.name))}" for part in self.parts)
            return "{ " + ", ".join(shown) + " }"
        return self.kind.show(value)


class Table(Struct, frozen=True, kw_only=True):
    """One table of the file; `[topics.NAME]` where `names` says what a name is."""

    name: str
    doc: str
    keys: Mapping[str, Key]
    names: Kind | None = None

    @property
    def heading(self) -> str:
        return f"[{self.name}.NAME]" if self.names else f"[{self.name}]"
