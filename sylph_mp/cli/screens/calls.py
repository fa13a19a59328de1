"""Handler calls that are going on, as one line or as a table. Pure."""

from collections.abc import Sequence

from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import short_id
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, age, duration, setting, spaced
from sylph_mp.control.status import RunningStatus

_COLUMNS = (
    Column(name="THREAD"),
    Column(name="TOPIC", right=False, shrinks=True),
    Column(name="HANDLER", right=False),
    Column(name="RUNS"),
    Column(name="LIMIT", vanishes=0),
    Column(name="ATTEMPT", vanishes=1),
    Column(name="MESSAGE", right=False),
)


def call_line(call: RunningStatus, view: View) -> str:
    who = "async call" if call.thread is None else f"thread {call.thread}"
    limit = "" if call.limit_s is None else f", limit {spaced(setting(call.limit_s))}"
    message = short_id(call.message, cut=view.cut)
    return f"{who}: {call.handler} runs {spaced(duration(call.run_s))}{limit}, message {message}"


def call_table(calls: Sequence[RunningStatus], view: View) -> list[str]:
    """All calls, the longest first; with whole message ids, to be searched for."""
    return render(_COLUMNS, [_row(call) for call in calls], view, what="within their limit")


def _row(call: RunningStatus) -> Row:
    late = call.limit_s is not None and call.run_s > call.limit_s
    return Row(
        usual=not late,
        cells={
            "THREAD": "async" if call.thread is None else str(call.thread),
            "TOPIC": call.topic,
            "HANDLER": call.handler,
            "RUNS": age(call.run_s) + ("!" if late else ""),
            "LIMIT": UNKNOWN if call.limit_s is None else setting(call.limit_s),
            "ATTEMPT": str(call.attempt),
            "MESSAGE": call.message,
        },
    )
