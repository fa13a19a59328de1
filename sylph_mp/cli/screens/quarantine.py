"""`sylph quarantine ls` and `show`: the messages that killed their consumers. Reads source files for stacks."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from sylph_mp.cli.screens.labelled import WIDTH, labelled
from sylph_mp.cli.screens.recording import first_lines
from sylph_mp.cli.screens.stacks import stack_lines
from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import cut_off, printable, short_id, wrapped
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, count, seconds, size, spaced
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.master.quarantine import Label

_COLUMNS = (
    Column(name="MESSAGE", right=False),
    Column(name="TOPIC", right=False, shrinks=True),
    Column(name="HANDLER", right=False, vanishes=2),
    Column(name="STRIKES"),
    Column(name="SINCE"),
    Column(name="SIZE", right=False, vanishes=1),
    Column(name="CRASHES", right=False, vanishes=0),
)
#: Of a body, as much as tells what it is.
SHOWN_BYTES = 256
_BYTES_A_LINE = 16


def quarantine_table(labels: Sequence[Label], view: View, *, now: float) -> list[str]:
    """The oldest first."""
    topics = {label.topic for label in labels}
    messages = "1 message" if len(labels) == 1 else f"{count(len(labels))} messages"
    without = "it" if len(labels) == 1 else "them"
    its = ("its" if len(labels) == 1 else "their") + (" topic goes on" if len(topics) == 1 else " topics go on")
    ids = [label.id for label in labels]
    rows = [_row(label, name_of(label.id, ids, view), now) for label in labels]
    return [f"{messages} in quarantine; {its} without {without}", *render(_COLUMNS, rows, view, what="there")]


def name_of(message_id: str, ids: Sequence[str], view: View) -> str:
    """The shortened id, if it is unique and the screen is for people; what `sylph quarantine show` takes."""
    short = short_id(message_id, cut=view.cut)
    alike = sum(short_id(other, cut=view.cut) == short for other in ids)
    return message_id if view.width is None or alike > 1 else short


def message_screen(label: Label, view: View, *, now: float, folder: str, zone: tzinfo | None = None) -> list[str]:
    """All that is known of a message but its body; `folder` is where the app's files are, `zone` for clock times."""
    since = f"in quarantine for {seconds(max(0.0, now - label.since_wall))}"
    return [
        *wrapped(f"{label.id}: {label.strikes} of {label.limit} strikes, {since}", view.width),
        *labelled("topic", [f"{label.topic}, group {label.group}, instance {label.instance}"]),
        *labelled("handler", [label.handler]),
        *labelled("tag", [] if label.tag is None else [printable(label.tag)]),
        *labelled("keys", [printable(" ".join(label.keys))] if label.keys else []),
        *labelled("message group", [] if label.message_group is None else [printable(label.message_group)]),
        *labelled("properties", [printable(f"{name}={value}") for name, value in sorted(label.properties.items())]),
        *labelled("attempts", [str(label.attempts)]),
        *labelled("sent", [_moment(label.born_at)]),
        *labelled("stored", [_moment(label.stored_at)]),
        *labelled("crashes", _crashes(label, view)),
        *(cut_off(line, view.width, cut=view.cut) for line in _stack(label, folder)),
        *first_lines(label.log_lines, view, zone),
        *labelled("body", [spaced(size(label.size))]),
        *labelled("sha256", [label.sha256]),
    ]


def body_lines(body: bytes) -> list[str]:
    """As text if it is UTF-8, else in hexadecimal; the first bytes only."""
    start = body[:SHOWN_BYTES]
    more = [f"... {count(len(body) - SHOWN_BYTES)} bytes more (--out FILE)"] if len(body) > SHOWN_BYTES else []
    return [*_readable(start, cut=bool(more)), *more]


def _readable(start: bytes, *, cut: bool) -> list[str]:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if not cut or error.start < len(start) - 3:  # else a character that was cut in two
            parts = [start[at : at + _BYTES_A_LINE] for at in range(0, len(start), _BYTES_A_LINE)]
            return [part.hex(" ") for part in parts]
        text = start[: error.start].decode()
    return [printable(line) for line in text.split("\n")]


def _row(label: Label, name: str, now: float) -> Row:
    return Row(
        cells={
            "MESSAGE": name,
            "TOPIC": label.topic,
            "HANDLER": label.handler,
            "STRIKES": f"{label.strikes}/{label.limit}",
            "SINCE": seconds(max(0.0, now - label.since_wall)),
            "SIZE": size(label.size),
            "CRASHES": ",".join(map(str, label.crashes)) or UNKNOWN,
        }
    )


def _crashes(label: Label, view: View) -> list[str]:
    room = None if view.width is None else view.width - WIDTH
    told = [f"{number}: {printable(words)}" for number, words in zip(label.crashes, label.exits, strict=False)]
    return [line for crash in told for line in wrapped(crash, room, indent="   ")]


def _stack(label: Label, folder: str) -> Iterable[str]:
    if not label.stack:
        return []
    return ["stack (faulthandler)", *(f"  {line}" for line in stack_lines(label.stack, folder=folder))]


def _moment(wall: float | None) -> str:
    return UNKNOWN if wall is None else rfc3339(wall)
