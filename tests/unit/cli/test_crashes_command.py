"""What `sylph crashes` prints, from the files alone; the clock stands at 14:06:02."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from sylph_mp.cli import crashes, main
from sylph_mp.cli.screens.crashes import crash_screen, crash_table
from sylph_mp.cli.screens.stacks import stack_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.clock import SystemClock
from sylph_mp.errors import NoMasterError
from sylph_mp.master.crash_reports import CrashReport, CrashReports, RunningThen
from sylph_mp.master.quarantine import Quarantine, Quarantined
from tests.unit.cli.snapshots import healthy

NOW = datetime(2026, 3, 14, 14, 6, 2, tzinfo=UTC)
FIRST = "01D2C4A70000000000000000000000A7F3"
SECOND = "01D2C4B10000000000000000000000B001"
STACK = "/venv/lib/python3.11/site-packages/PIL/Image.py:2341 in thumbnail\n{app}/workers/receipts.py:3 in render"
RUNTIME = (
    "\n/venv/site-packages/sylph_mp/consumer/worker_pool.py:90 in _work\n/usr/lib/python3.11/threading.py:982 in run"
)


def ran(thread: int | None, message_id: str, **fields: object) -> RunningThen:
    call = RunningThen(
        thread=thread,
        topic="receipts",
        handler="render",
        message_id=message_id,
        attempt=1,
        ran_s=0.1,
        strikes=1,
        limit=2,
        suspect=False,
    )
    return replace(call, **fields)


def crash(app: Path, **fields: object) -> CrashReport:
    report = CrashReport(
        number=41,
        slot=3,
        pid=41533,
        exit="SIGSEGV (exit -11)",
        at_wall=(NOW - timedelta(minutes=8)).timestamp(),
        after_s=2 * 3600 + 11 * 60 + 5,
        running=(ran(5, FIRST, attempt=2, ran_s=0.8, suspect=True), ran(None, SECOND)),
        queued=7,
        done=3,
        adopted_by=60412,
        adopted_after_s=0.031,
        adopted_run_again=7,
        adopted_settled=3,
        stack=STACK.format(app=app) + RUNTIME,
        log_lines=("13:57:59.114 INFO  render began", "13:58:01.901 INFO  render 01D2…A7F3 logo 12000x9000"),
        rss_bytes=412 << 20,
    )
    return replace(report, **fields)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with a handler that was there before the process started."""
    (tmp_path / "workers").mkdir()
    source = tmp_path / "workers" / "receipts.py"
    source.write_text("def render(logo):\n    # small\n    logo.thumbnail(size)\n")
    import os

    os.utime(source, (1_000.0, 1_000.0))
    return tmp_path


def screen(report: CrashReport, app: Path, **options: object) -> str:
    view = View(width=80)
    return "\n".join(crash_screen(report, view, now=NOW.timestamp(), folder=str(app), zone=UTC, **options))


def test_the_screen_of_a_crash(app: Path) -> None:
    others = [crash(app, number=number) for number in (42, 41, 38)] + [crash(app, number=37, stack="a.py:1 in b")]
    assert screen(crash(app), app, others=others) == (
        "crash 41: slot 3, SIGSEGV (exit -11), 8 min ago (13:58:02), after 2h 11m\n"
        "running then   thread 5  receipts render  01D2…A7F3  attempt 2  0.8s  strike 1/2\n"
        "               async     receipts render  01D2…B001  attempt 1  0.1s\n"
        "adopted        by pid 60412 after 31 ms: 7 run again, 3 were done, now settled\n"
        "memory         412 MiB\n"
        "stack, thread 5 (faulthandler)\n"
        "  workers/receipts.py:3 in render        logo.thumbnail(size)\n"
        "  PIL/Image.py:2341 in thumbnail\n"
        "last log line  13:58:01.901 INFO  render 01D2…A7F3 logo 12000x9000 (2 kept)\n"
        "same top frame crashes 38, 42"
    )


def test_the_screen_of_a_crash_of_which_little_is_known(app: Path) -> None:
    report = crash(app, running=(), adopted_by=None, stack="", log_lines=(), rss_bytes=None, after_s=47)
    assert screen(replace(report, at_wall=NOW.timestamp() - 90_000, number=1), app) == (
        "crash 1: slot 3, SIGSEGV (exit -11), 1d 1h ago (2026-03-13 13:06:02), after 47 s\n"
        "running then   nothing\n"
        "adopted        by nobody yet: 7 queued, 3 done"
    )


def test_what_was_adopted_too_late_is_told(app: Path) -> None:
    text = screen(crash(app, adopted_settled=1, adopted_dropped=2, adopted_after_s=41.0), app)
    assert (
        "adopted        by pid 60412 after 41 s: 7 run again, 1 was done, now settled, 2\n"
        "               left to the broker, as their lease was over\n"
    ) in text


def test_all_log_lines_on_request(app: Path) -> None:
    assert screen(crash(app), app, whole_log=True).endswith(
        "last log lines\n  13:57:59.114 INFO  render began\n  13:58:01.901 INFO  render 01D2…A7F3 logo 12000x9000"
    )


def test_a_source_line_that_may_be_another_by_now_is_not_shown(app: Path) -> None:
    assert stack_lines(STACK.format(app=app), folder=str(app), unchanged_since=999.0) == [
        "workers/receipts.py:3 in render",
        "PIL/Image.py:2341 in thumbnail",
    ]


def test_a_stack_of_the_runtime_alone_is_shown_as_it_is() -> None:
    assert stack_lines(RUNTIME.strip(), folder="/srv") == [
        "threading.py:982 in run",
        "sylph_mp/consumer/worker_pool.py:90 in _work",
    ]


def test_the_list(app: Path) -> None:
    reports = [
        crash(app, number=42, at_wall=NOW.timestamp() - 362, quarantined=(FIRST,)),
        crash(app, exit="SIGKILL", adopted_after_s=None),
    ]
    assert "\n".join(crash_table(reports, View(width=80), now=NOW.timestamp())) == (
        "2 crashes are kept, the newest 6 min ago\n"
        "CRASH   AGO  SLOT     UP  RUNNING  ADOPTED  QUARANTINED  EXIT\n"
        "   42  6m2s     3  2h11m        2     31ms  01D2…A7F3    SIGSEGV (exit -11)\n"
        "   41  8m0s     3  2h11m        2        -  -            SIGKILL"
    )


@pytest.fixture
def sylph(monkeypatch, capsys, tmp_path):
    """Runs a command line in an empty folder, where no master is; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["sylph", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return ended.value.code, *capsys.readouterr()

    return run


def test_without_a_crash(sylph, monkeypatch) -> None:
    assert sylph("crashes", "ls") == (0, "no crash on record\n", "")
    assert sylph("crashes", "show")[0] == 0
    assert json.loads(sylph("crashes", "ls", "--json")[1]) == {"schema": "sylph.crashes/1", "crashes": []}

    monkeypatch.setattr(crashes, "look", lambda path: healthy())
    uptime = sylph("crashes", "ls")[1]
    assert uptime == "no crash since the master started (3d 0h ago)\n"


def test_the_newest_or_that_of_a_number(sylph, tmp_path: Path) -> None:
    reports = CrashReports(tmp_path / "sylph.state", SystemClock())
    reports.add(crash(tmp_path))
    reports.add(crash(tmp_path, slot=4))

    assert sylph("crashes", "show")[1].startswith("crash 2: slot 4, SIGSEGV")
    assert sylph("crashes", "show", "1")[1].startswith("crash 1: slot 3, SIGSEGV")
    assert sylph("crashes", "ls")[1].endswith("next: sylph crashes show 2\n")
    code, out, error = sylph("crashes", "show", "5")
    assert (code, out, error) == (64, "", "sylph: error: no crash 5 is on record; nearest: 2\n")


def test_json_has_times_for_programs(sylph, tmp_path: Path) -> None:
    CrashReports(tmp_path / "sylph.state", SystemClock()).add(crash(tmp_path))
    shown = json.loads(sylph("crashes", "show", "--json")[1])

    assert (shown["schema"], shown["crash"], shown["at"]) == ("sylph.crash/1", 1, "2026-03-14T13:58:02.000Z")
    assert (shown["after_s"], shown["running"][0]["message_id"]) == (7865.0, FIRST)
    listed = json.loads(sylph("crashes", "ls", "--json")[1])
    assert {"schema": "sylph.crash/1", **listed["crashes"][0]} == shown


def test_a_message_that_is_in_quarantine_now_is_the_next_thing_to_look_at(sylph, tmp_path: Path) -> None:
    state = tmp_path / "sylph.state"
    CrashReports(state, SystemClock()).add(crash(tmp_path))
    assert "next:" not in sylph("crashes", "show")[1]

    Quarantine(state, SystemClock()).put(
        Quarantined(
            id=FIRST,
            topic="receipts",
            instance="default",
            group="g",
            handler="render",
            attempts=2,
            born_at=None,
            stored_at=None,
            strikes=2,
            limit=2,
            body=b"",
        )
    )
    assert sylph("crashes", "show")[1].endswith("\nnext: sylph quarantine ls\n")


def test_the_control_socket_is_asked_only_where_nothing_is_on_record(sylph, monkeypatch, tmp_path: Path) -> None:
    def look(path):
        raise NoMasterError("no master")

    monkeypatch.setattr(crashes, "look", look)
    assert sylph("crashes", "ls", "--socket", "elsewhere.sock")[1] == "no crash on record\n"
