"""A table that gives up its least needed columns when the terminal is narrow. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from sylph_mp.cli.screens.text import without_middle, wrapped
from sylph_mp.cli.screens.view import View

GAP = "  "
#: A name is not cut further than this to keep a column.
NAME_WIDTH = 17
#: Sentences are not squeezed further than this to keep a column.
SENTENCE_WIDTH = 24
#: More rows than this say little to a person.
MAX_ROWS = 50


class Column(Struct, frozen=True, kw_only=True):
    name: str
    right: bool = True
    """Numbers are right-aligned, text is left-aligned."""
    least: int = 0
    """Width that is kept free, so that the columns behind it do not move; of a sentence, as far as it has that much."""
    vanishes: int | None = None
    """Order in which columns are given up, from 0; None: never."""
    from_width: int = 0
    """Narrower terminals do not get it: columns are not to come and go with the numbers."""
    shrinks: bool = False
    """The column of names, which lose their middle."""
    wraps: bool = False
    """The last column, of sentences, which go on below."""


class Row(Struct, frozen=True, kw_only=True):
    cells: Mapping[str, str]
    """By column name; those of a missing column are not shown."""
    below: tuple[str, ...] = ()
    """Lines under the row, aligned with its third column."""
    usual: bool = True
    """Whether it may be left out when there are too many."""


def render(columns: Sequence[Column], rows: Sequence[Row], view: View, *, what: str) -> list[str]:
    """The table's lines, none without a row; `what` names the state of rows that are left out."""
    if not rows:
        return []
    shown_rows = rows if view.all or view.width is None else _limited(rows)
    widths = {column.name: _width(column, shown_rows) for column in columns}
    shown = columns if view.all or view.width is None else _fitting(columns, widths, view.width)
    for column in shown:
        if (least := _least(column)) is not None and view.width is not None and not view.all:
            over = _total(shown, widths) - view.width
            widths[column.name] = max(min(widths[column.name], least), widths[column.name] - max(0, over))
    header = _line([(column, column.name) for column in shown], widths).rstrip()
    lines = [view.paint(header, "dim")]
    indent = " " * (sum(widths[column.name] + len(GAP) for column in shown[:2]))
    for row in shown_rows:
        lines += _row(row, shown, widths, view)
        lines += [line for text in row.below for line in wrapped(indent + text, view.width, indent=indent)]
    left_out = len(rows) - len(shown_rows)
    return [*lines, f"{view.cut} {left_out} more, all {what} (--all)"] if left_out else lines


def _limited(rows: Sequence[Row]) -> Sequence[Row]:
    """Rows with something to say are never left out."""
    room = MAX_ROWS - sum(not row.usual for row in rows)
    kept = []
    for row in rows:
        if not row.usual or room > 0:
            kept.append(row)
        room -= row.usual
    return kept


def _width(column: Column, rows: Sequence[Row]) -> int:
    return max(
        [len(column.name), 0 if column.wraps else column.least, *(len(row.cells.get(column.name, "")) for row in rows)]
    )


def _total(columns: Sequence[Column], widths: Mapping[str, int]) -> int:
    return sum(widths[column.name] for column in columns) + len(GAP) * (len(columns) - 1)


def _fitting(columns: Sequence[Column], widths: Mapping[str, int], width: int) -> list[Column]:
    shown = [column for column in columns if width >= column.from_width]
    counted = {c.name: min(widths[c.name], _least(c) or widths[c.name]) for c in columns}
    for column in sorted((c for c in shown if c.vanishes is not None), key=lambda c: c.vanishes or 0):
        if _total(shown, counted) <= width:
            break
        shown.remove(column)
    return shown


def _least(column: Column) -> int | None:
    """Width down to which its cells may be squeezed; None: not at all."""
    return NAME_WIDTH if column.shrinks else max(column.least, SENTENCE_WIDTH) if column.wraps else None


def _row(row: Row, columns: Sequence[Column], widths: Mapping[str, int], view: View) -> list[str]:
    """One line, and those of a last cell that is wrapped."""
    cells = {column.name: row.cells.get(column.name, "") for column in columns}
    last, more = columns[-1], list[str]()
    if last.wraps:
        cells[last.name], *more = wrapped(cells[last.name], widths[last.name]) or [""]
    painted = []
    for column in columns:
        text = without_middle(cells[column.name], widths[column.name], cut=view.cut)
        painted.append(view.cell(text, _padded(column, text, widths[column.name])))
    indent = " " * (_total(columns, widths) - widths[last.name])
    return [GAP.join(painted).rstrip(), *(indent + line for line in more)]


def _line(cells: Sequence[tuple[Column, str]], widths: Mapping[str, int]) -> str:
    return GAP.join(_padded(column, text, widths[column.name]) for column, text in cells)


def _padded(column: Column, text: str, width: int) -> str:
    return text.rjust(width) if column.right else text.ljust(width)
