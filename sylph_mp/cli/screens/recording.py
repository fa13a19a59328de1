"""What a dead consumer's flight recorder kept, for `sylph crashes show` and `sylph quarantine show`. Pure."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from sylph_mp.cli.screens.labelled import WIDTH, labelled
from sylph_mp.cli.screens.text import cut_off, printable, short_id, wrapped
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, age, duration, share, size
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.master.crash_reports import CrashReport
from sylph_mp.master.recording import Decided, LogLine, Usage

#: Of the memory and CPU curve, as many points as can be taken in at a look.
POINTS = 12


def last_line(lines: Sequence[LogLine], view: View, zone: tzinfo | None) -> list[str]:
    """The newest, without what stands below it, and how many are kept."""
    kept = f" ({len(lines)} kept)" if len(lines) > 1 else ""
    room = None if view.width is None else view.width - WIDTH
    return labelled("last log line", wrapped(f"{_shown(lines[-1], zone)[0]}{kept}", room) if lines else [])


def first_lines(lines: Sequence[LogLine], view: View, zone: tzinfo | None) -> list[str]:
    """All of them, each in one line: tracebacks of twenty failures would hide what else is to be said."""
    shown = _titled("last log lines", [_shown(line, zone)[0] for line in lines])
    return [cut_off(line, view.width, cut=view.cut) for line in shown]


def log_lines(lines: Sequence[LogLine], zone: tzinfo | None) -> list[str]:
    """All of them, with what stands below some."""
    return _titled("last log lines", [text for line in lines for text in _shown(line, zone)])


def whole_recording(report: CrashReport, view: View, zone: tzinfo | None) -> list[str]:
    """Log lines, outcomes, memory and CPU."""
    return [
        *log_lines(report.log_lines, zone),
        *_titled("last outcomes", _columns([_decided(each, view) for each in report.decided])),
        *_titled("memory and CPU", _columns([_usage(each) for each in _spread(report.usage)])),
    ]


def line_objects(lines: Sequence[LogLine]) -> list[dict[str, str]]:
    """As programs get them: times in RFC 3339."""
    return [{"at": rfc3339(line.at_wall), "level": line.level, "text": line.text} for line in lines]


def _shown(line: LogLine, zone: tzinfo | None) -> list[str]:
    """`13:58:01.901 INFO  render began`"""
    clock = datetime.fromtimestamp(line.at_wall, zone).strftime("%H:%M:%S.%f")[:-3]
    first, *below = line.text.split("\n")
    return [f"{clock} {line.level.upper():5} {printable(first)}", *(f"  {printable(text)}" for text in below)]


def _decided(decided: Decided, view: View) -> tuple[str, ...]:
    return (
        f"{age(max(0.0, decided.ago_s))} before",
        decided.topic,
        short_id(decided.message_id, cut=view.cut) or UNKNOWN,
        f"attempt {decided.attempt}",
        decided.outcome,
        f"ran {duration(decided.run_s)}",
    )


def _usage(usage: Usage) -> tuple[str, ...]:
    return f"{age(max(0.0, usage.ago_s))} before", size(usage.rss_bytes), f"CPU {share(usage.cpu_share)}"


def _spread(usage: Sequence[Usage]) -> list[Usage]:
    """The newest and others in equal distances before it."""
    step = -(-len(usage) // POINTS)
    return list(usage[::-1][:: step or 1])[::-1]


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _titled(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []
