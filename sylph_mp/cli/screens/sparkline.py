"""How a number went lately, as a row of bars. Pure."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
GAP = " "


def sparkline(values: Sequence[float | None], width: int, *, most: float | None = None) -> str:
    """`width` bars from 0 to `most` (the largest value), the newest right; a gap where nothing is known."""
    shown = values[-width:]
    top = most or max((value for value in shown if value is not None), default=0.0)
    bars = "".join(GAP if value is None else _BARS[_step(value, top)] for value in shown)
    return bars.rjust(width, GAP)


def _step(value: float, top: float) -> int:
    return 0 if top <= 0 else min(len(_BARS) - 1, round(value / top * (len(_BARS) - 1)))
