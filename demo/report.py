"""The demo's last lines: a table of what became of the messages, and one sentence. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from demo.tally import Tally

HEAD = ("", "SENT", "HANDLED", "ACKED", "LOST", "TWICE", "OUT-OF-ORDER")


class Verdict(Struct, frozen=True):
    counts: tuple[str, ...]
    """Lines: the table, and who counted."""
    sentence: str
    good: bool
    """All that was sent was handled once, in order where there is one, and acked; and the fleet ended cleanly."""


def report(tallies: Sequence[Tally], acked: Mapping[str, int], *, seconds: float, exit_code: int) -> Verdict:
    rows = [
        (each.topic, each.sent, each.handled, acked.get(each.topic, 0), each.lost, each.twice, each.out_of_order)
        for each in tallies
    ]
    total = ("total", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))
    _, sent, handled, all_acked, lost, twice, out_of_order = total
    rate = handled / seconds if seconds else 0.0
    all_came = 0 < sent == handled == all_acked and lost == 0
    good = all_came and twice == 0 and out_of_order == 0 and exit_code == 0
    counted = f"handled is what the handlers noted in files, acked what the fleet reports; its exit code: {exit_code}"
    sentence = (
        f"sent {sent:,}, handled {handled:,}, acked {all_acked:,}, lost {lost:,}, handled twice {twice:,}, "
        f"{rate:,.0f} a second"
    )
    return Verdict((*table([HEAD, *rows, total]), "", counted), sentence, good)


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """The first column to the left, numbers to the right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["  ".join(_padded(row, widths)).rstrip() for row in cells]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
