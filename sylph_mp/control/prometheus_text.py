"""The text format of Prometheus (0.0.4), line by line. Pure.

    # HELP sylph_slot_threads Threads of its WorkerPool.
    # TYPE sylph_slot_threads gauge
    sylph_slot_threads{slot="1"} 8.0

From scrape to scrape only the numbers change: everything before them is made once and remembered, which is most of the
work. What is remembered is of fixed size; a fleet of 16 processes and 100 topics has 7,000 such beginnings.
"""

from functools import lru_cache

#: Beginnings of lines, at about 150 bytes each.
REMEMBERED = 1 << 14

Labels = tuple[tuple[str, str], ...]
"""Names and values."""


def head(name: str, kind: str, help_text: str) -> str:
    """What stands above the lines of a metric; neither text has a line break."""
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}"


@lru_cache(REMEMBERED)
def beginning(name: str, labels: Labels) -> str:
    """Of a line, up to its number."""
    if not labels:
        return f"{name} "
    said = ",".join([f'{label}="{_escaped(value)}"' for label, value in labels])
    return f"{name}{{{said}}} "


def line(name: str, labels: Labels, value: float) -> str:
    return beginning(name, labels) + repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
