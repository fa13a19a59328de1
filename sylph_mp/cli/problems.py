"""Puts errors into the form in which a person reads them: place, what, source line with caret, why, fix.

Pure; used by every command, in the command's process.
"""

import re
import textwrap

from sylph_mp.errors import NoAnswerError, NoMasterError, Problem, SylphError

WIDTH = 80
#: Columns of the line number in front of a source line.
NUMBER_WIDTH = 4
#: What is left of the width for the source line, behind `  10 | `.
SOURCE_WIDTH = WIDTH - NUMBER_WIDTH - 3
#: Stands for what was cut off a source line.
CUT = "…"


def render_error(error: SylphError) -> str:
    """All problems of an error, a blank line between them, and last the sentence that sums them up."""
    if isinstance(error, NoMasterError | NoAnswerError):
        return str(error)  # already a verdict and its `next:` line, as `sylph status` shows them
    if not error.problems:
        return _wrapped(f"sylph: error: {error}")
    parts = [render(problem) for problem in error.problems]
    if str(error) not in {problem.what for problem in error.problems}:
        parts.append(str(error))
    return "\n\n".join(parts)


def render(problem: Problem) -> str:
    """One problem; at most 80 columns wide, except for what is to be pasted or searched as a whole."""
    lines = [_wrapped(f"{problem.place}: {'warning' if problem.warning else 'error'}: {problem.what}")]
    lines += _source_lines(problem)
    if problem.why:
        lines.append(_wrapped(f"  why: {problem.why}", indent=" " * 7))
    if problem.fix:
        lines.append("  fix: " + problem.fix.replace("\n", "\n" + " " * 7))  # not wrapped: it may be a command
    return "\n".join(lines)


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _source_lines(problem: Problem) -> list[str]:
    if problem.source is None:
        return []
    source = "".join(char if char.isprintable() else " " for char in problem.source.rstrip())
    column = problem.column or 1
    if len(source) > SOURCE_WIDTH:
        source, column = _window(source, column)
    lines = [f"{_line_number(problem.place):>{NUMBER_WIDTH}} | {source}".rstrip()]
    if problem.column is not None:
        carets = "^" * max(1, min(problem.width, SOURCE_WIDTH - column + 1))
        hint = f" {problem.hint}" if problem.hint else ""
        lines.append(f"{'':{NUMBER_WIDTH}} | {' ' * (column - 1)}{carets}{hint}")
    return lines


def _window(source: str, column: int) -> tuple[str, int]:
    """The part of a long line around the caret, and the caret's column in it."""
    first = max(0, column - 1 - SOURCE_WIDTH // 3)
    part = source[first : first + SOURCE_WIDTH]
    if first:
        part = CUT + part[1:]
    if first + SOURCE_WIDTH < len(source):
        part = part[:-1] + CUT
    return part, column - first


def _line_number(place: str) -> str:
    found = re.search(r":(\d+)(?::\d+)?$", place)
    return found[1] if found else ""
