"""The table of topics. Pure."""

from collections.abc import Iterable, Sequence

from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import age, duration, number, rate, share, whole_duration
from sylph_mp.control.status import NoteStatus, Snapshot, TopicStatus

_COLUMNS = (
    Column(name="TOPIC", right=False, shrinks=True),
    Column(name="STATE", right=False),
    Column(name="SHARDS", vanishes=4, from_width=100),
    Column(name="RATE/S"),
    Column(name="FAIL"),
    Column(name="WAIT-p50", vanishes=0, from_width=110),
    Column(name="WAIT-p99", vanishes=7),
    Column(name="RUN-p50", vanishes=1, from_width=110),
    Column(name="RUN-p99", vanishes=6),
    Column(name="END-p99"),
    Column(name="INFLIGHT", vanishes=3, from_width=100),
    Column(name="BACKLOG", vanishes=5),
    Column(name="OLDEST", vanishes=2, from_width=110),
)
#: `100%!`, so that the columns behind do not move when a topic gets worse.
_BAD_FAIL_WIDTH = 5
#: States that are as they should be.
USUAL = ("running", "starting")
_BAD = ("failing", "behind", "away")


def topic_table(snapshot: Snapshot, view: View, *, notes_below: bool = False) -> list[str]:
    """Worst first, then in the configuration's order; with `notes_below` the notes are under their rows."""
    notes = snapshot.notes if notes_below else ()
    rows = [_row(topic, [note for note in notes if note.topic == topic.topic]) for topic in worst_first(snapshot)]
    bad = any(row.cells["FAIL"].endswith("!") for row in rows)
    columns = [
        Column(name=c.name, least=_BAD_FAIL_WIDTH, right=c.right) if bad and c.name == "FAIL" else c
        for c in told(_COLUMNS, snapshot.topics)
    ]
    return render(columns, rows, view, what="running")


def worst_first(snapshot: Snapshot) -> Sequence[TopicStatus]:
    order = {problem.topic: place for place, problem in reversed(list(enumerate(snapshot.problems)))}
    return sorted(snapshot.topics, key=lambda topic: order.get(topic.topic, len(order)) if _is_bad(topic) else 1 << 30)


def topic_state(topic: TopicStatus) -> str:
    """The word; with `!` if it is bad."""
    return f"{topic.state}!" if topic.state in _BAD else topic.state


def told(columns: Sequence[Column], topics: Iterable[TopicStatus]) -> Sequence[Column]:
    """Without BACKLOG where no broker says how many messages wait."""
    waits = any(topic.backlog is not None for topic in topics)
    return [column for column in columns if column.name != "BACKLOG" or waits]


def in_flight(topic: TopicStatus) -> int | None:
    return None if topic.queued is None or topic.held is None else topic.running + topic.queued + topic.held


def _is_bad(topic: TopicStatus) -> bool:
    return topic.state in _BAD


def _row(topic: TopicStatus, notes: Sequence[NoteStatus]) -> Row:
    return Row(
        usual=topic.state in USUAL,
        below=tuple(line for note in notes for line in (note.text, f"next: {note.next}")),
        cells=topic_cells(topic),
    )


def topic_cells(topic: TopicStatus) -> dict[str, str]:
    """By column name."""
    behind = "!" if topic.state == "behind" else ""
    return {
        "TOPIC": topic.topic,
        "STATE": topic_state(topic),
        "SHARDS": str(topic.shards),
        "RATE/S": rate(topic.rate_per_s),
        "FAIL": share(topic.fail_ratio) + ("!" if topic.state == "failing" else ""),
        "WAIT-p50": whole_duration(topic.wait_p50_s),
        "WAIT-p99": whole_duration(topic.wait_p99_s),
        "RUN-p50": duration(topic.run_p50_s),
        "RUN-p99": duration(topic.run_p99_s),
        "END-p99": _end(topic),
        "INFLIGHT": number(in_flight(topic)),
        "BACKLOG": number(topic.backlog) + behind,
        "OLDEST": age(topic.oldest_s) + behind,
    }


def _end(topic: TopicStatus) -> str:
    """Where most seem to end before they were stored, the clocks differ, and a number would be a lie."""
    return "skew" if topic.end_p99_s == 0 and topic.skewed else whole_duration(topic.end_p99_s)
