"""The page's document with the first snapshot in it, readable without JavaScript, and its icon.

Pure, but for reading the files beside it once; on the master's loop thread.
"""

from collections.abc import Callable
from pathlib import Path
from string import Template

from sylph_mp.control.status import Snapshot

Screen = Callable[[Snapshot], str]
"""The text of a terminal with 80 columns."""

_SIGNS = {
    "healthy": ("#2f6fd6", "M9 17l5 5 9-11"),
    "degraded": ("#b25c00", "M16 7v11M16 23v2"),
    "broken": ("#b3261e", "M10 10l12 12M22 10L10 22"),
}
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="{}"/>'
    '<path d="{}" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


class Document:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._template = Template(asset("page.html"))

    def render(self, snapshot: Snapshot) -> str:
        """What others wrote, such as an error's text, stays text."""
        import html  # noqa: PLC0415  its table of entities is half a MiB, for those who open the page

        values = {
            "title": title(snapshot),
            "verdict": snapshot.verdict,
            "text": self._screen(snapshot),
        }
        return self._template.substitute({name: html.escape(value) for name, value in values.items()})


def asset(name: str) -> str:
    """The text of a file of the page."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def title(snapshot: Snapshot) -> str:
    """As in the browser's tab, where only the beginning is seen."""
    groups = list(dict.fromkeys(topic.group for topic in snapshot.topics))
    name = groups[0] if groups else "sylph"
    return f"! {snapshot.problems[0].text} · {name}" if snapshot.problems else name


def icons() -> dict[str, str]:
    """By verdict, an SVG with its colour and sign."""
    return {verdict: _ICON.format(*sign) for verdict, sign in _SIGNS.items()}
