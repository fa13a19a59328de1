"""The screen of `sylph top`, as many lines as there is room for. Pure."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from sylph_mp.cli.screens.autoscale import autoscale_line
from sylph_mp.cli.screens.browsing import KEYS, SORTS, Browsing
from sylph_mp.cli.screens.details import slot_screen, topic_screen
from sylph_mp.cli.screens.producers import sending_line
from sylph_mp.cli.screens.slots import slot_cells
from sylph_mp.cli.screens.sparkline import sparkline
from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import cut_off, short_id
from sylph_mp.cli.screens.topics import told, topic_cells
from sylph_mp.cli.screens.verdict_lines import first_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.cli.trends import BARS, Trends
from sylph_mp.control.quantities import UNKNOWN, duration, rate, setting, share, spaced, whole_duration
from sylph_mp.control.status import SlotStatus, Snapshot
from sylph_mp.control.target import Slot, Target, Topic
from sylph_mp.control.timestamps import parse_rfc3339

_MINUTE = "60 s"
_TOPICS = (
    Column(name="TOPIC", right=False, shrinks=True),
    Column(name="STATE", right=False),
    Column(name="RATE/S"),
    Column(name=_MINUTE, right=False, least=BARS, vanishes=0, from_width=100),
    Column(name="FAIL", least=5),
    Column(name="WAIT-p99", vanishes=3),
    Column(name="RUN-p99", vanishes=2),
    Column(name="END-p99"),
    Column(name="INFLIGHT", vanishes=1, from_width=100),
    Column(name="BACKLOG", vanishes=4),
)
_LONGEST = "LONGEST RUNNING"
_SLOTS = (
    Column(name="SLOT"),
    Column(name="STATE", right=False),
    Column(name="UP", right=False, vanishes=2),
    Column(name="RATE/S"),
    Column(name="BUSY"),
    Column(name="INFLIGHT"),
    Column(name="CPU", vanishes=3),
    Column(name="MEM", right=False, vanishes=4),
    Column(name="CRASHES", vanishes=1),
    Column(name=_LONGEST, right=False, vanishes=0, from_width=100),
)
_BAR = (
    "q quit",
    "? help",
    "j/k row",
    "enter threads",
    "/ filter",
    "s sort",
    "p freeze",
    "Q quiet  S start  R recycle  K kill",
)
_MARK, _NO_MARK = "> ", "  "
_SGR = re.compile(r"\x1b\[[0-9;]*m")

T = TypeVar("T")


def top_screen(browsing: Browsing, trends: Trends, view: View, *, height: int, interval_s: float) -> list[str]:
    """`view.width` columns, `height` lines at most."""
    snapshot = browsing.snapshot
    if snapshot is None:
        return [f"{browsing.lost_why or 'waiting for the master'}", *_last_line(browsing, view)]
    last = _last_line(browsing, view)
    head = _head(browsing, snapshot, view, interval_s)
    room = max(2, height - len(head) - len(last))
    body = _body(browsing, snapshot, trends, replace(view, color=view.color and browsing.lost_since is None), room)
    if browsing.lost_since is not None:
        body = [view.paint(_SGR.sub("", line), "dim") for line in body]
    body = body[:room]
    return [_within(line, view) for line in (*head, *body, *[""] * (room - len(body)), *last)]


def _within(line: str, view: View) -> str:
    """What is wider than the terminal would be written over its last column."""
    text = _SGR.sub("", line)
    return line if view.width is None or len(text) <= view.width else cut_off(text, view.width, cut=view.cut)


def _head(browsing: Browsing, snapshot: Snapshot, view: View, interval_s: float) -> list[str]:
    if browsing.lost_since is not None:
        since = f"{browsing.lost_why} since {_clock(browsing.lost_since)}"
        return [view.paint(since, "broken") + "; the screen is older"]
    mode = "frozen" if browsing.frozen else f"every {interval_s:g} s"
    host = f"{snapshot.master.host}  " if snapshot.master is not None else ""
    right = f"{host}{_clock(snapshot.at)}  {mode}"
    lines = first_lines(snapshot, view)
    for place, line in enumerate(lines):
        gap = (view.width or 80) - len(_SGR.sub("", line)) - len(right)
        if gap >= 2:
            lines[place] = f"{line}{' ' * gap}{right}"
            return lines
    return [*lines, right.rjust(view.width or 80)]


def _body(browsing: Browsing, snapshot: Snapshot, trends: Trends, view: View, room: int) -> list[str]:
    if browsing.help:
        return [f"  {key:7}{what}" for key, what in KEYS]
    if browsing.opened and (details := _details(browsing.selected, snapshot, view)):
        return details
    totals = [
        *_totals(snapshot, trends, view),
        *sending_line(snapshot, view),
        *autoscale_line(snapshot.autoscale, view),
    ]
    inner = replace(view, width=(view.width or 80) - len(_MARK), all=False)
    shown = _Share(len(browsing.topics()), len(browsing.slots()), room - len(totals) - 2)
    return [
        *totals,
        *_topics(browsing, trends, inner, shown.topics),
        *_slots(browsing, inner, shown.slots),
    ]


class _Share:
    """How the lines are shared by the two tables: slots may fill half, and all that the topics leave."""

    def __init__(self, topics: int, slots: int, room: int) -> None:
        self.topics = max(1, min(topics, max(room - slots, room // 2)))
        self.slots = max(1, room - self.topics)


def _details(selected: Target | None, snapshot: Snapshot, view: View) -> list[str]:
    head = len(first_lines(snapshot, view))
    match selected:
        case Slot(number):
            return next((slot_screen(snapshot, s, view)[head + 1 :] for s in snapshot.slots if s.slot == number), [])
        case Topic(name):
            return next((topic_screen(snapshot, t, view)[head + 1 :] for t in snapshot.topics if t.topic == name), [])
    return []


def _totals(snapshot: Snapshot, trends: Trends, view: View) -> list[str]:
    now = trends.newest
    if now is None:
        return []
    wanted = snapshot.master.processes_wanted if snapshot.master is not None else 0
    parts = [
        (f"rate {rate(now.rate_per_s)}/s", sparkline(trends.rates(), BARS)),
        (f"end-p99 {whole_duration(now.end_p99_s)}", sparkline(trends.ends(), BARS)),
        (f"busy {share(now.busy_ratio)}", sparkline(trends.busy(), BARS, most=1.0)),
        (f"consumers {now.running}/{wanted}", sparkline(trends.running(), BARS)),
    ]
    drawn = "  ".join(f"{text} {bars}" for text, bars in parts)
    return [drawn if len(drawn) <= (view.width or 80) else "  ".join(text for text, _ in parts)]


def _topics(browsing: Browsing, trends: Trends, view: View, room: int) -> list[str]:
    def row(name: str, cells: dict[str, str]) -> Row:
        return Row(cells=cells | {_MINUTE: sparkline(trends.topic_rates(name), BARS)})

    rows = [(Topic(topic.topic), row(topic.topic, topic_cells(topic))) for topic in browsing.topics()]
    return _table(told(_TOPICS, browsing.topics()), rows, browsing, view, room)


def _slots(browsing: Browsing, view: View, room: int) -> list[str]:
    rows = [(Slot(s.slot), Row(cells=slot_cells(s) | {_LONGEST: _longest(s, view)})) for s in browsing.slots()]
    crashed = any(slot.crashes for slot in browsing.slots())
    return _table([c for c in _SLOTS if c.name != "CRASHES" or crashed], rows, browsing, view, room)


def _longest(slot: SlotStatus, view: View) -> str:
    if not slot.running:
        return UNKNOWN
    call = slot.running[0]
    limit = "" if call.limit_s is None else f", limit {spaced(setting(call.limit_s))}"
    message = short_id(call.message, cut=view.cut)
    return f"{call.handler} {spaced(duration(call.run_s))}{limit}, message {message}"


def _table(
    columns: Sequence[Column], rows: Sequence[tuple[Target, Row]], browsing: Browsing, view: View, room: int
) -> list[str]:
    """Header and rows; where there is no room for all, those around the selected one."""
    shown = _window(rows, lambda entry: entry[0] == browsing.selected, room)
    lines = render(columns, [row for _, row in shown], view, what="")
    if not lines:
        return []
    marked = [_NO_MARK + lines[0]]
    for (target, _), line in zip(shown, lines[1:], strict=True):
        chosen = target == browsing.selected
        marked.append(view.paint(_MARK + _SGR.sub("", line), "selected") if chosen else _NO_MARK + line)
    left_out = len(rows) - len(shown)
    return [*marked[:-1], f"{_NO_MARK}{view.cut} {left_out + 1} more"] if left_out and len(marked) > 2 else marked


def _window(entries: Sequence[T], is_chosen: Callable[[T], bool], room: int) -> Sequence[T]:
    chosen = next((place for place, entry in enumerate(entries) if is_chosen(entry)), 0)
    first = min(max(0, chosen - room // 2), max(0, len(entries) - room))
    return entries[first : first + room]


def _last_line(browsing: Browsing, view: View) -> list[str]:
    if browsing.typing == "filter":
        return [f"/{browsing.typed}_  enter keeps it, escape shows all"]
    if browsing.typing == "kill" and isinstance(browsing.selected, Slot):
        return [f"kill the consumer in slot {browsing.selected.number}? its number, then enter: {browsing.typed}_"]
    if browsing.answer:
        return [browsing.answer]
    how = [f"sorted by {browsing.sort}"] if browsing.sort != SORTS[0] else []
    how += [f"only /{browsing.filter}"] if browsing.filter else []
    line = "  ".join([*how, *_BAR])
    for part in (*reversed(_BAR[2:-1]), _BAR[-1]):  # what the help says as well
        if len(line) > (view.width or 80):
            line = line.replace(f"  {part}", "")
    return [view.paint(line, "dim")]


def _clock(at: str) -> str:
    then: datetime = parse_rfc3339(at)
    return f"{then:%H:%M:%S}"
