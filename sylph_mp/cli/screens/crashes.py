"""`sylph crashes ls` and `show`: which consumers died, how, and what became of what they held. Reads source files."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from sylph_mp.cli.screens.labelled import WIDTH, labelled
from sylph_mp.cli.screens.recording import last_line, whole_recording
from sylph_mp.cli.screens.stacks import innermost, stack_lines
from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import cut_off, printable, short_id, wrapped
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, age, count, roughly, seconds, size, spaced, whole_duration
from sylph_mp.master.crash_reports import CrashReport, RunningThen

_COLUMNS = (
    Column(name="CRASH"),
    Column(name="AGO"),
    Column(name="SLOT"),
    Column(name="UP", vanishes=0),
    Column(name="RUNNING", vanishes=1),
    Column(name="ADOPTED", vanishes=2),
    Column(name="QUARANTINED", right=False, vanishes=3),
    Column(name="EXIT", right=False, wraps=True, least=36),
)


def crash_table(reports: Sequence[CrashReport], view: View, *, now: float) -> list[str]:
    """All that are kept, the newest first."""
    kept = f"{len(reports)} crashes are kept" if len(reports) > 1 else "1 crash is kept"
    columns = [c for c in _COLUMNS if c.name != "QUARANTINED" or any(report.quarantined for report in reports)]
    rows = [_row(report, view, now) for report in reports]
    newest = f", the newest {roughly(max(0.0, now - reports[0].at_wall))} ago"
    return [f"{kept}{newest}", *render(columns, rows, view, what="older")]


def crash_screen(
    report: CrashReport,
    view: View,
    *,
    now: float,
    folder: str,
    others: Sequence[CrashReport] = (),
    whole: bool = False,
    zone: tzinfo | None = None,
) -> list[str]:
    """What is known of one crash; `folder` is where the app's files are, `zone` that of clock times.

    `whole`: also all that its flight recorder kept, not the last log line alone.
    """
    return [
        *wrapped(_headline(report, now, zone), view.width),
        *labelled("running then", _running(report.running, view) or ["nothing"]),
        *labelled("adopted", wrapped(_adopted(report), None if view.width is None else view.width - WIDTH)),
        *labelled("memory", _memory(report, view)),
        *(cut_off(line, view.width, cut=view.cut) for line in _stack(report, folder)),
        *(whole_recording(report, view, zone) if whole else last_line(report.log_lines, view, zone)),
        *labelled("same top frame", _alike(report, others)),
    ]


def _row(report: CrashReport, view: View, now: float) -> Row:
    return Row(
        cells={
            "CRASH": str(report.number),
            "AGO": seconds(max(0.0, now - report.at_wall)),
            "SLOT": str(report.slot),
            "UP": seconds(report.after_s),
            "RUNNING": str(len(report.running)),
            "ADOPTED": whole_duration(report.adopted_after_s),
            "QUARANTINED": ",".join(short_id(name, cut=view.cut) for name in report.quarantined) or UNKNOWN,
            "EXIT": printable(report.exit),
        }
    )


def _headline(report: CrashReport, now: float, zone: tzinfo | None) -> str:
    ago = roughly(max(0.0, now - report.at_wall))
    at = datetime.fromtimestamp(report.at_wall, zone)
    today = at.date() == datetime.fromtimestamp(now, zone).date()
    clock = f"{at:%H:%M:%S}" if today else f"{at:%Y-%m-%d %H:%M:%S}"
    ended = f"slot {report.slot}, {printable(report.exit)}"
    stop = ";" if "," in report.exit else ","
    return f"crash {report.number}: {ended}{stop} {ago} ago ({clock}), after {roughly(report.after_s)}"


def _running(running: Sequence[RunningThen], view: View) -> list[str]:
    cells = [
        (
            "async" if ran.thread is None else f"thread {ran.thread}",
            f"{ran.topic} {ran.handler}",
            short_id(ran.message_id, cut=view.cut) or UNKNOWN,
            f"attempt {ran.attempt}",
            age(ran.ran_s),
            f"strike {ran.strikes}/{ran.limit}" if ran.suspect else "",
        )
        for ran in running
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _adopted(report: CrashReport) -> str:
    if report.adopted_by is None:
        waiting = f"{count(report.queued)} queued, {count(report.done)} done" if report.queued + report.done else ""
        return "by nobody yet" + (f": {waiting}" if waiting else "")
    after = f" after {spaced(whole_duration(report.adopted_after_s))}" if report.adopted_after_s is not None else ""
    parts = [f"{count(report.adopted_run_again)} run again"]
    if report.adopted_settled:
        verb = "was" if report.adopted_settled == 1 else "were"
        parts.append(f"{count(report.adopted_settled)} {verb} done, now settled")
    if report.adopted_dropped:
        parts.append(f"{count(report.adopted_dropped)} left to the broker, as their lease was over")
    return f"by pid {report.adopted_by}{after}: {', '.join(parts)}"


def _memory(report: CrashReport, view: View) -> list[str]:
    """Nothing if the process died before it was known."""
    if report.rss_bytes is None:
        return []
    used = spaced(size(report.rss_bytes))
    if report.memory_limit_bytes is not None:
        used += f" of {spaced(size(report.memory_limit_bytes))}"
    if report.oom_killed is not None:
        used += "; the kernel " + ("killed it, out of memory" if report.oom_killed else "reports no out-of-memory kill")
    return wrapped(used, None if view.width is None else view.width - WIDTH)


def _stack(report: CrashReport, folder: str) -> Iterator[str]:
    if not report.stack:
        return
    suspects = [ran for ran in report.running if ran.suspect]
    thread = f", thread {suspects[0].thread}" if len(suspects) == 1 and suspects[0].thread is not None else ""
    yield f"stack{thread} (faulthandler)"
    started_at = report.at_wall - report.after_s
    yield from (f"  {line}" for line in stack_lines(report.stack, folder=folder, unchanged_since=started_at))


def _alike(report: CrashReport, others: Sequence[CrashReport]) -> list[str]:
    top = innermost(report.stack)
    numbers = sorted(o.number for o in others if top and o.number != report.number and innermost(o.stack) == top)
    if not numbers:
        return []
    return [f"{'crashes' if len(numbers) > 1 else 'crash'} {', '.join(map(str, numbers))}"]
