"""Cuts and wraps words so that they fit a screen. Pure."""

import re
import textwrap

CUT = "…"
#: A number and its unit stay on one line.
_UNIT = re.compile(r"(?<=\d) (?=(?:%|[mµ]?s|min|[KMGT]i?B|B)(?!\w))")
_NO_BREAK = "\u00a0"


def without_middle(name: str, width: int, *, cut: str = CUT) -> str:
    """Long names differ at both ends: `orders-eu…settled`."""
    if len(name) <= width:
        return name
    room = max(0, width - len(cut))
    tail = room * 7 // 16
    return name[: room - tail] + cut + name[len(name) - tail :]


def short_id(message_id: str, *, cut: str = CUT) -> str:
    """`01A2…9F04`"""
    return f"{message_id[:4]}{cut}{message_id[-4:]}" if len(message_id) > 9 else message_id


def wrapped(sentence: str, width: int | None, *, indent: str = "") -> list[str]:
    """`indent` is that of all lines but the first."""
    if width is None:
        return [sentence]
    kept = _UNIT.sub(_NO_BREAK, sentence)
    lines = textwrap.wrap(kept, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace(_NO_BREAK, " ") for line in lines]


def cut_off(line: str, width: int | None, *, cut: str = CUT) -> str:
    """For what is to stay one line, such as a line of a log or of source."""
    if width is None or len(line) <= width:
        return line
    return line[: max(0, width - len(cut))] + cut


def printable(text: str) -> str:
    """What others wrote, without what would act on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
