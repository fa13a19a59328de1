"""Finds the known names that a wrong one most likely means. Pure."""

from collections.abc import Iterable

#: More changes than this, and it is another word.
MAX_DISTANCE = 2
MAX_NAMES = 2


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """At most two names within two changes, the nearest first; two swapped neighbours are one change."""
    # A short name is not near to everything: at least half of it has to be right.
    limit = min(MAX_DISTANCE, max(1, len(name) // 2))
    found = sorted((distance(name.lower(), other.lower()), other) for other in set(known) if other != name)
    return [other for changes, other in found if changes <= limit][:MAX_NAMES]


def distance(first: str, second: str) -> int:
    """Inserted, deleted, replaced letters and swapped neighbours (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        before, last, row = row, before, [i]
        for j, other in enumerate(second, start=1):
            changes = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                changes = min(changes, last[j - 2] + 1)
            row.append(changes)
    return row[-1]
