"""The table of RocketMQ clusters, and what an absent one means. Pure."""

from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import printable, wrapped
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, count
from sylph_mp.control.status import InstanceStatus, Snapshot
from sylph_mp.control.timestamps import parse_rfc3339

_COLUMNS = (
    Column(name="INSTANCE", right=False, shrinks=True),
    Column(name="ENDPOINT", right=False, least=15),
    Column(name="STATE", right=False),
    Column(name="SINCE", right=False, vanishes=1),
    Column(name="TRIES", vanishes=0),
    Column(name="LAST ERROR", right=False, wraps=True),
)


def instance_table(snapshot: Snapshot, view: View) -> list[str]:
    return render(_COLUMNS, [_row(instance) for instance in snapshot.instances], view, what="running")


def stranded_lines(snapshot: Snapshot, view: View) -> list[str]:
    """What becomes of the deliveries that cannot be settled now."""
    flying = sum(slot.in_flight for slot in snapshot.slots)
    if not flying:
        return []
    held = [topic.held for topic in snapshot.topics]
    waiting = sum(part for part in held if part is not None)
    outcomes = (
        "" if not waiting else f", {count(waiting)} {'outcomes wait' if waiting > 1 else 'outcome waits'} to be settled"
    )
    told = [f"{count(flying)} in flight: handlers go on{outcomes}", *_leases(snapshot)]
    return [line for text in told for line in wrapped(text, view.width)]


def _leases(snapshot: Snapshot) -> list[str]:
    """When the first of them ends; nothing where that is unknown."""
    ends = [parse_rfc3339(instance.leases_end) for instance in snapshot.instances if instance.leases_end is not None]
    if not ends:
        return []
    first = min(ends)
    if first <= parse_rfc3339(snapshot.at):
        return [f"leases ended from {first:%H:%M:%S} on: what was not settled by then is delivered again"]
    return [f"leases end from {first:%H:%M:%S} on: what is not settled by then is delivered again"]


def _row(instance: InstanceStatus) -> Row:
    return Row(
        usual=instance.state == "running",
        cells={
            "INSTANCE": instance.name,
            "ENDPOINT": instance.endpoint or UNKNOWN,
            "STATE": {"away": "away!", "unknown": UNKNOWN}.get(instance.state, instance.state),
            "SINCE": f"{parse_rfc3339(instance.since):%H:%M:%S}" if instance.since else UNKNOWN,
            "TRIES": UNKNOWN if not instance.tries else str(instance.tries),
            "LAST ERROR": printable(instance.error) if instance.error else UNKNOWN,
        },
    )
