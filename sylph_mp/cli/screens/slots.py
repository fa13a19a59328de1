"""The table of slots. Pure."""

from collections.abc import Sequence

from sylph_mp.cli.screens.calls import call_line
from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, rate, seconds, share, size
from sylph_mp.control.status import SlotStatus, Snapshot

_COLUMNS = (
    Column(name="SLOT"),
    Column(name="STATE", right=False),
    Column(name="PID", right=False, vanishes=1, from_width=90),
    Column(name="UP", right=False, vanishes=3),
    Column(name="RATE/S"),
    Column(name="BUSY"),
    Column(name="INFLIGHT"),
    Column(name="BUFFER", vanishes=2, from_width=90),
    Column(name="CPU", vanishes=4),
    Column(name="MEM", right=False, vanishes=5),
    Column(name="CRASHES", vanishes=6),
    Column(name="SHARDS", right=False, vanishes=0, from_width=90),
)
_BAD = ("hung", "stuck", "gave-up")
#: Heartbeats older than this are said, ux section 1 rule 3.
_SILENT_S = 3.0
#: More stuck calls of one slot are only counted.
_MAX_CALLS = 3


def slot_table(snapshot: Snapshot, view: View) -> list[str]:
    """Worst first, then by number."""
    crashed = view.all or any(slot.crashes for slot in snapshot.slots)
    columns = [column for column in _COLUMNS if column.name != "CRASHES" or crashed]
    return render(columns, [_row(slot, view) for slot in worst_first(snapshot)], view, what="running")


def worst_first(snapshot: Snapshot) -> Sequence[SlotStatus]:
    order = {problem.slot: place for place, problem in reversed(list(enumerate(snapshot.problems)))}
    return sorted(
        snapshot.slots, key=lambda slot: (order.get(slot.slot, 0) if slot.state in _BAD else 1 << 30, slot.slot)
    )


def slot_state(slot: SlotStatus) -> str:
    """The word; how old the heartbeat is, if it is; `!` if it is bad."""
    if slot.state in _BAD:
        return f"hung {seconds(slot.state_s)}!" if slot.state == "hung" else f"{slot.state}!"
    if slot.state == "waiting" and slot.retry_in_s is not None:
        return f"waiting {seconds(slot.retry_in_s)}" if slot.retry_in_s >= 1 else slot.state
    silent = slot.beat_age_s is not None and slot.beat_age_s > _SILENT_S
    return f"{slot.state} {seconds(slot.beat_age_s)}" if silent else slot.state


def is_usual(slot: SlotStatus) -> bool:
    return slot.state == "running"


def _row(slot: SlotStatus, view: View) -> Row:
    return Row(usual=is_usual(slot), below=_stuck_lines(slot, view), cells=slot_cells(slot))


def slot_cells(slot: SlotStatus) -> dict[str, str]:
    """By column name."""
    buffer = slot.buffer_used_bytes
    return {
        "SLOT": str(slot.slot) if slot.stands_in_for is None else f"{slot.slot} for {slot.stands_in_for}",
        "STATE": slot_state(slot),
        "PID": UNKNOWN if slot.pid is None else str(slot.pid),
        "UP": seconds(slot.uptime_s),
        "RATE/S": rate(slot.rate_per_s),
        "BUSY": share(slot.busy_ratio),
        "INFLIGHT": f"{slot.in_flight}/{slot.in_flight_limit}",
        "BUFFER": share(None if buffer is None else buffer / max(1, slot.buffer_bytes)),
        "CPU": share(slot.cpu_ratio),
        "MEM": size(slot.rss_bytes) + ("!" if slot.guarded else ""),
        "CRASHES": str(slot.crashes),
        "SHARDS": " ".join(slot.shards) or UNKNOWN,
    }


def _stuck_lines(slot: SlotStatus, view: View) -> tuple[str, ...]:
    if slot.state != "stuck":
        return ()
    late = [call for call in slot.running if call.limit_s is not None and call.run_s > call.limit_s]
    lines = [call_line(call, view) for call in late[:_MAX_CALLS]]
    more = len(late) - len(lines)
    return tuple([*lines, f"{view.cut} {more} more: sylph status {slot.slot}"] if more else lines)
