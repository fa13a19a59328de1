"""`sylph crashes ls` and `show`: reads the crash reports on disk; needs no master, no consumer and no broker.

In the command's process.
"""

import sys
import time
from typing import Any

import click
import msgspec

from sylph_mp.cli.control_socket import addressed, socket_options, socket_path
from sylph_mp.cli.screens.crashes import crash_screen, crash_table
from sylph_mp.cli.screens.recording import line_objects
from sylph_mp.cli.screens.view import of_stream
from sylph_mp.cli.state import app_folder, state_folder
from sylph_mp.clock import SystemClock
from sylph_mp.control.client import look
from sylph_mp.control.quantities import roughly
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.errors import NoAnswerError, NoMasterError, UsageError
from sylph_mp.master.crash_reports import CrashReport, CrashReports
from sylph_mp.master.quarantine import Quarantine

LIST_SCHEMA = "sylph.crashes/1"
SCHEMA = "sylph.crash/1"
#: Fields of a crash report that only `show` has.
RECORDED = ("log_lines", "decided", "usage")


@click.group("crashes", short_help="Which consumers died, how, and what they ran.")
def command() -> None:
    """Show the crash reports: which consumers died, how, what they ran, and what became of it."""


_json = click.option("--json", "as_json", is_flag=True, help="One object, for programs.")


@command.command("ls")
@socket_options
@_json
def ls(config: str | None, socket: str | None, *, as_json: bool) -> None:
    """List the last 100 crashes, the newest first."""
    reports = CrashReports(state_folder(config), SystemClock()).list()
    if as_json:
        _print_json({"schema": LIST_SCHEMA, "crashes": [_summary(report) for report in reports]})
    elif not reports:
        click.echo(_none(config, socket))
    else:
        view = of_stream(sys.stdout, color="auto", show_all=False)
        following = addressed(f"sylph crashes show {reports[0].number}", config, None)
        lines = [*crash_table(reports, view, now=time.time()), f"next: {following}"]
        click.echo(view.characters("\n".join(lines)))


@command.command("show")
@click.argument("number", type=int, required=False)
@socket_options
@click.option("--recorder", is_flag=True, help="All that was recorded last: log lines, outcomes, memory and CPU.")
@_json
def show(number: int | None, config: str | None, socket: str | None, *, recorder: bool, as_json: bool) -> None:
    """Show what is known of crash NUMBER, or of the newest."""
    state = state_folder(config)
    reports = CrashReports(state, SystemClock()).list()
    if not reports and number is None and not as_json:
        click.echo(_none(config, socket))
        return
    report = _chosen(reports, number)
    if as_json:
        _print_json({"schema": SCHEMA, **_object(report)})
        return
    view = of_stream(sys.stdout, color="auto", show_all=False)
    lines = crash_screen(report, view, now=time.time(), folder=app_folder(config), others=reports, whole=recorder)
    quarantined = {label.id for label in Quarantine(state, SystemClock()).list()}
    if any(ran.message_id in quarantined for ran in report.running):
        lines.append(f"next: {addressed('sylph quarantine ls', config, None)}")
    click.echo(view.characters("\n".join(lines)))


def _chosen(reports: list[CrashReport], number: int | None) -> CrashReport:
    """The newest where no number is given. Raises UsageError."""
    if not reports:
        raise UsageError("there is no crash on record" if number is None else f"no crash {number}: none is on record")
    if number is None:
        return reports[0]
    for report in reports:
        if report.number == number:
            return report
    nearest = min((report.number for report in reports), key=lambda kept: abs(kept - number))
    raise UsageError(f"no crash {number} is on record; nearest: {nearest}")


def _none(config: str | None, socket: str | None) -> str:
    """Reports outlive masters: without any, none of this master's consumers has crashed either."""
    try:
        master = look(socket_path(config, socket)).master
    except (NoMasterError, NoAnswerError):
        master = None
    return f"no crash since the master started ({roughly(master.uptime_s)} ago)" if master else "no crash on record"


def _object(report: CrashReport) -> dict[str, Any]:
    """As programs get it: times in RFC 3339."""
    fields: dict[str, Any] = msgspec.to_builtins(report)
    number, at = fields.pop("number"), rfc3339(fields.pop("at_wall"))
    return {"crash": number, "at": at, **fields, "log_lines": line_objects(report.log_lines)}


def _summary(report: CrashReport) -> dict[str, Any]:
    """Without what the flight recorder kept, which is forty times as much as all else."""
    return {name: value for name, value in _object(report).items() if name not in RECORDED}


def _print_json(found: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode(found).decode())
