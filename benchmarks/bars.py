"""Draws horizontal bars as an SVG: a logarithmic scale, since the clients are a hundred times apart."""

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

LABELS, BARS, VALUES, LINE = 380, 420, 130, 26
BLUE, GREY, INK = "#1f6f8b", "#b8b8b8", "#222"


class Bar(NamedTuple):
    label: str
    median: float
    low: float
    high: float
    ours: bool


def draw(title: str, bars: Sequence[Bar]) -> str:
    """The median as a bar, the spread over the rounds as a line through its end."""
    least = 10 ** math.floor(math.log10(min(bar.low for bar in bars)))
    most = max(bar.high for bar in bars)
    if most / least < 10:
        least = most / 10

    def x(value: float) -> float:
        return LABELS + BARS * math.log(max(value, least) / least) / math.log(most / least)

    parts = [_text(10, 22, title, weight="bold")]
    for place, bar in enumerate(bars):
        y, wide = 36 + place * LINE, max(1.0, x(bar.median) - LABELS)
        parts += [
            _text(LABELS - 8, y + 15, bar.label, anchor="end"),
            f'<rect x="{LABELS}" y="{y}" width="{wide:.1f}" height="{LINE - 6}" fill="{BLUE if bar.ours else GREY}"/>',
            f'<line x1="{x(bar.low):.1f}" x2="{x(bar.high):.1f}" y1="{y + 10}" y2="{y + 10}" stroke="{INK}"/>',
            _text(x(bar.high) + 6, y + 15, f"{bar.median:,.4g}"),
        ]
    width, height = LABELS + BARS + VALUES, 44 + len(bars) * LINE
    size = f'width="{width}" height="{height}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    return "\n".join([opening, f'<rect {size} fill="#fff"/>', *parts, "</svg>\n"])


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="{INK}">{escape(text)}</text>'
