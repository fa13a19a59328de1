"""The table of what handlers send. Pure."""

from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import printable
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, duration, number, rate
from sylph_mp.control.status import ProducerStatus, Snapshot

_COLUMNS = (
    Column(name="SENT TO", right=False, shrinks=True),
    Column(name="STATE", right=False),
    Column(name="KIND", right=False, vanishes=2),
    Column(name="RATE/S"),
    Column(name="WAITING"),
    Column(name="BATCH", vanishes=4),
    Column(name="LINGER", vanishes=1),
    Column(name="STORE-p50", vanishes=0, from_width=110),
    Column(name="STORE-p99", vanishes=3),
    Column(name="STORED", vanishes=5),
)


def producer_table(snapshot: Snapshot, view: View) -> list[str]:
    """Nothing where no handler sends."""
    rows = [_row(producer) for producer in sorted(snapshot.producers, key=lambda each: (each.topic, each.kind))]
    return render(_COLUMNS, rows, view, what="running")


def sending_line(snapshot: Snapshot, view: View) -> list[str]:
    """All of it in one line, for a screen that is about other things; nothing where no handler sends."""
    producers = sorted(snapshot.producers, key=lambda each: (each.state != "failing", each.topic, each.kind))
    if not producers:
        return []
    sent = [producer.rate_per_s for producer in producers if producer.rate_per_s is not None]
    waiting = sum(producer.queued + producer.in_flight for producer in producers)
    slowest = max(
        (producer.latency_p99_s for producer in producers if producer.latency_p99_s is not None), default=None
    )
    parts = (
        f"sends {rate(sum(sent) if sent else None)}/s",
        f"waiting {number(waiting)}",
        f"store-p99 {duration(slowest)}",
    )
    names = dict.fromkeys(f"{each.topic}{' failing!' if each.state == 'failing' else ''}" for each in producers)
    line = f"{'  '.join(parts)}  to {', '.join(names)}"
    room = view.width or len(line)
    return [line if len(line) <= room else line[: room - len(view.cut)] + view.cut]


def _row(producer: ProducerStatus) -> Row:
    failing = producer.state == "failing"
    batch = producer.batch_size
    return Row(
        usual=not failing,
        cells={
            "SENT TO": producer.topic,
            "STATE": "failing!" if failing else producer.state,
            "KIND": producer.kind,
            "RATE/S": rate(producer.rate_per_s),
            "WAITING": number(producer.queued + producer.in_flight),
            "BATCH": UNKNOWN if batch is None else f"{batch:.1f}" if batch < 10 else number(round(batch)),
            "LINGER": duration(producer.linger_s),
            "STORE-p50": duration(producer.latency_p50_s),
            "STORE-p99": duration(producer.latency_p99_s),
            "STORED": number(producer.stored),
        },
        below=(printable(producer.error),) if producer.error else (),
    )
