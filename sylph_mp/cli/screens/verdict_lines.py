"""The first lines of every screen, and the last: verdict, next command, problems, notes. Pure."""

from collections.abc import Sequence

from sylph_mp.cli.screens.text import printable, wrapped
from sylph_mp.cli.screens.view import View
from sylph_mp.control.status import NoteStatus, ProblemStatus, Snapshot

_GAP = 4
_NOTE_INDENT = " " * len("note: ")


def first_lines(snapshot: Snapshot, view: View) -> list[str]:
    """The verdict and its sentence; what to do next where something is wrong."""
    word = snapshot.verdict.replace("-", " ")
    quiet_note = snapshot.verdict == "healthy" and snapshot.notes
    joint = f"{word}, but " if quiet_note else f"{word}: "
    first, *more = wrapped(joint + printable(snapshot.sentence), view.width)
    lines = [view.paint(word, word) + first[len(word) :], *more]
    if snapshot.next is not None:
        lines.append(f"next: {snapshot.next}")
    return lines


def problem_lines(problems: Sequence[ProblemStatus], view: View, *, calls_above: bool) -> list[str]:
    """The list, with the commands that there are; `calls_above`: a table above shows the stuck calls themselves."""
    if not problems:
        return []
    codes = max(len(problem.code) for problem in problems)
    texts = [_text(problem, calls_above=calls_above) for problem in problems]
    proposals = [f"next: {problem.next}" if problem.next else "" for problem in problems]
    room = None if view.width is None else view.width - max(map(len, proposals)) - codes - 4 - _GAP
    longest = max(map(len, texts))
    lines = ["problems, worst first:"]
    for problem, text, proposal in zip(problems, texts, proposals, strict=True):
        start = f"  {problem.code:{codes}}  "
        if room is None or longest <= room:
            lines.append(f"{start}{text:{longest + _GAP}}{proposal}".rstrip())
        else:
            lines += wrapped(start + text, view.width, indent=" " * len(start))
            lines += [f"{'':{len(start)}}{proposal}"] if proposal else []
    return lines


def note_lines(notes: Sequence[NoteStatus], view: View) -> list[str]:
    return [line for note in notes for line in _note_lines(note, view)]


def _note_lines(note: NoteStatus, view: View) -> list[str]:
    """The command stays in one piece, to be pasted."""
    text = f"note: {printable(note.text)}; "
    if view.width is None or len(text) + len(note.next) <= view.width:
        return [text + note.next]
    return [*wrapped(text, view.width, indent=_NOTE_INDENT), _NOTE_INDENT + note.next]


def _text(problem: ProblemStatus, *, calls_above: bool) -> str:
    return printable(problem.text) + (" (above)" if calls_above and problem.code == "thread-stuck" else "")
