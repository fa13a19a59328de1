"""Writes the reference page of the configuration from its keys: `python -m sylph_mp.config.reference`.

Run by hand after a change; a test compares the page with what comes out here.
"""

from pathlib import Path

from sylph_mp.config.key import Key, Table
from sylph_mp.config.keys import CONSUMERS, TABLES
from sylph_mp.config.said import variable

PAGE = "docs/reference/config.md"

_HEAD = """\
# Configuration

Generated from `sylph_mp/config/keys.py` by `python -m sylph_mp.config.reference`; change it there.

A setting comes from the file (`config.toml`, or `--config FILE`), then from the environment, then from
`--set KEY=VALUE`; the later wins. `sylph config check` finds every mistake at once, `sylph config show` says which
value holds and where it came from. Unknown keys are refused. Times are in seconds; sizes are `"16 MiB"` (B, KiB, MiB,
GiB) or a number of bytes. In an environment variable a name is in capitals, with `_` for `-`.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *(_table(table) for table in TABLES)])


def _table(table: Table) -> str:
    heading = f"## `{table.heading}`\n\n{table.doc}\n" if table.name else "## Above the first table\n"
    inherited = [key for key in table.keys.values() if key.inherited and table is not CONSUMERS]
    rows = [row for key in table.keys.values() if key not in inherited for row in _rows(key)]
    prefix = tuple(part for part in (table.name, "NAME" if table.names else "") if part)
    notes = [f"Environment: `{variable((*prefix, next(iter(table.keys))))}`, and likewise for the other keys.\n"]
    if inherited:
        names = ", ".join(f"`{key.name}`" for key in inherited)
        notes.append(f"{names}: as in `[consumers]`, whose values hold where a topic has none of its own.\n")
    head = ["| key | default | bounds | what it is |", "|---|---|---|---|"]
    return "\n".join([heading, *head, *rows, "", *notes])


def _rows(key: Key) -> list[str]:
    default = "" if key.default is None or key.default in ("", ()) else f"`{key.show(key.default)}`"
    doc = f"{key.doc} From the environment only." if key.secret else key.doc
    row = _row(f"`{key.name}`", default, key.kind.bounds, doc)
    return [row, *(_row(f"`{key.name}.{part.name}`", "", part.kind.bounds, part.doc) for part in key.parts)]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    Path(PAGE).write_text(page())
