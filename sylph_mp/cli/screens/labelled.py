"""Facts of one thing, each with its name before it. Pure."""

from collections.abc import Sequence

WIDTH = 15


def labelled(label: str, lines: Sequence[str]) -> list[str]:
    """The label before the first line; nothing where there is none."""
    return [f"{label if place == 0 else '':{WIDTH}}{line}" for place, line in enumerate(lines)]
