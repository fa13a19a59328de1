"""Cuts and wraps words so that they fit a screen. Pure."""

import textwrap

CUT = "…"


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


def wrapped(sentence: str, width: int | None) -> list[str]:
    if width is None:
        return [sentence]
    return textwrap.wrap(sentence, width, break_long_words=False, break_on_hyphens=False)


def printable(text: str) -> str:
    """What others wrote, without what would act on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
