"""`sylph status`: the whole fleet on one screen. Pure."""

from sylph_mp.cli.screens.autoscale import autoscale_line
from sylph_mp.cli.screens.instances import instance_table, stranded_lines
from sylph_mp.cli.screens.narrow import narrow_lines
from sylph_mp.cli.screens.producers import producer_table
from sylph_mp.cli.screens.slots import slot_table
from sylph_mp.cli.screens.topics import topic_table
from sylph_mp.cli.screens.verdict_lines import first_lines, note_lines, problem_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.control.status import Snapshot

#: Below it only the first lines, below the next one short line a row, below the last notes under their row.
_FIRST_LINES_BELOW = 40
_NARROW_BELOW = 60
_NOTES_BELOW = 80


def overview(snapshot: Snapshot, view: View) -> list[str]:
    width = view.width if view.width is not None else _NOTES_BELOW
    first = first_lines(snapshot, view)
    if snapshot.master is None or width < _FIRST_LINES_BELOW:
        return first
    if width < _NARROW_BELOW:
        return joined(first, narrow_lines(snapshot, view))
    away = [topic for topic in snapshot.topics if topic.state == "away"]
    lost = any(instance.state == "away" for instance in snapshot.instances)
    if lost and len(away) == len(snapshot.topics) and not view.all:
        return joined(
            first,
            instance_table(snapshot, view),
            stranded_lines(snapshot, view),
            _endings(snapshot, view, calls_above=False),
        )
    notes_below = width < _NOTES_BELOW
    return joined(
        first,
        instance_table(snapshot, view) if lost or _failing(snapshot) or view.all else [],
        topic_table(snapshot, view, notes_below=notes_below),
        slot_table(snapshot, view),
        producer_table(snapshot, view),
        _endings(snapshot, view, notes_below=notes_below),
    )


def instance_screen(snapshot: Snapshot, view: View) -> list[str]:
    """`sylph status --instances`"""
    lost = any(instance.state == "away" for instance in snapshot.instances)
    return joined(
        first_lines(snapshot, view), instance_table(snapshot, view), stranded_lines(snapshot, view) if lost else []
    )


def joined(*parts: list[str]) -> list[str]:
    """Parts that say something, an empty line between them."""
    lines: list[str] = []
    for part in parts:
        if part:
            lines += ["", *part] if lines else part
    return lines


def _failing(snapshot: Snapshot) -> bool:
    return any(instance.state == "failing" for instance in snapshot.instances)


def _endings(snapshot: Snapshot, view: View, *, notes_below: bool = False, calls_above: bool = True) -> list[str]:
    notes = [note for note in snapshot.notes if not notes_below or note.topic is None]
    more = snapshot.problems if len(snapshot.problems) > 1 else ()  # the first lines have told of one alone
    return [
        *problem_lines(more, view, calls_above=calls_above),
        *note_lines(notes, view),
        *autoscale_line(snapshot.autoscale, view),
    ]
