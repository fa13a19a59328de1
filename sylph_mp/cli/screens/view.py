"""How a screen is to be drawn: width, colours, characters. Pure, except for `of_stream`; in the command's process."""

import os
from collections.abc import Mapping
from typing import Literal, TextIO

from msgspec import Struct

from sylph_mp.cli.screens.text import CUT

Color = Literal["auto", "always", "never"]

#: The terminal's own 16 colours only, so that its theme decides (ECMA-48 SGR).
_SGR = {
    "healthy": "32",
    "degraded": "33",
    "broken": "1;31",
    "no master": "1;31",
    "unknown": "33",
    "bad": "33",
    "dim": "2",
    "selected": "7",
}
_ASCII = str.maketrans({"·": "-", "…": "...", "▲": "^", "▼": "v", "\u00d7": "x"}) | str.maketrans(
    "▁▂▃▄▅▆▇█", "__--==##"
)


class View(Struct, frozen=True, kw_only=True):
    width: int | None
    """Columns; None off a terminal, where nothing is cut."""
    color: bool = False
    utf8: bool = True
    all: bool = False
    """Every column and row, whatever the width."""

    @property
    def cut(self) -> str:
        """Stands for what was cut off; as wide as it is shown, or columns would not align."""
        return self.characters(CUT)

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if self.color and style in _SGR else text

    def cell(self, text: str, padded: str) -> str:
        """Colour is the second carrier: a bad cell has its `!`, an unknown one its `-`."""
        style = "bad" if text.endswith("!") else "dim" if text == "-" else ""
        return padded.replace(text, self.paint(text, style)) if style else padded

    def characters(self, text: str) -> str:
        """What the stream can show."""
        return text if self.utf8 else text.translate(_ASCII).encode("ascii", "replace").decode()


def of_stream(stream: TextIO, *, color: Color, show_all: bool, environ: Mapping[str, str] = os.environ) -> View:
    terminal = stream.isatty()
    plain = not terminal or bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    return View(
        width=_columns() if terminal else None,
        color=color == "always" or (color == "auto" and not plain),
        utf8=(stream.encoding or "ascii").lower().replace("-", "") == "utf8",
        all=show_all,
    )


def _columns() -> int:
    import shutil  # noqa: PLC0415  with what reads archives; a master without a terminal needs none

    return shutil.get_terminal_size().columns
