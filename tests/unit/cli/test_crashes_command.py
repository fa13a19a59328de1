"""What `sylph crashes` prints, from the files alone; the clock stands at 14:06:02."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from sylph_mp.cli import crashes
from sylph_mp.cli.screens.crashes import crash_screen, crash_table
from sylph_mp.cli.screens.stacks import stack_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.clock import SystemClock
from sylph_mp.errors import NoMasterError
from sylph_mp.master.crash_reports import CrashReport, CrashReports, RunningThen
from sylph_mp.master.quarantine import Quarantine, Quarantined
from sylph_mp.master.recording import Decided, LogLine, Usage
from tests.unit.cli.snapshots import healthy

NOW = datetime(2026, 3, 14, 14, 6, 2, tzinfo=UTC)
FIRST = "01D2C4A70000000000000000000000A7F3"
SECOND = "01D2C4B10000000000000000000000B001"
STACK = "/venv/lib/python3.11/site-packages/PIL/Image.py:2341 in thumbnail\n{app}/workers/receipts.py:3 in render"
RUNTIME = (
    "\n/venv/site-packages/sylph_mp/consumer/worker_pool.py:90 in _work\n/usr/lib/python3.11/threading.py:982 in run"
)


def at(hours: int, minutes: int, seconds: float) -> float:
    """Today, as seconds since 1970 UTC."""
    return round(NOW.replace(hour=hours, minute=minutes, second=0).timestamp() + seconds, 3)


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
        log_lines=(
            LogLine(at_wall=at(13, 57, 59.114), level="info", text="render began"),
            LogLine(at_wall=at(13, 58, 1.901), level="info", text="render 01D2…A7F3 logo 12000x9000"),
        ),
        decided=(
            Decided(ago_s=2.25, topic="orders", message_id=SECOND, attempt=1, outcome="Ack", run_s=0.0021),
            Decided(ago_s=0.05, topic="receipts", message_id=FIRST, attempt=11, outcome="Retry", run_s=1.4),
        ),
        usage=tuple(
            Usage(ago_s=24.4 - second, rss_bytes=(388 + second) << 20, cpu_share=second / 24 or None)
            for second in range(25)
        ),
        rss_bytes=412 << 20,
        memory_limit_bytes=1 << 30,
        oom_killed=False,
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
        "memory         412 MiB of 1.0 GiB; the kernel reports no out-of-memory kill\n"
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


def test_off_a_terminal_nothing_is_cut_and_what_is_unknown_has_no_line(app: Path) -> None:
    def lines(**known: object) -> list[str]:
        return crash_screen(crash(app, **known), View(width=None), now=NOW.timestamp(), folder=str(app), zone=UTC)

    assert [line for line in lines(oom_killed=True) if line.startswith("memory")] == [
        "memory         412 MiB of 1.0 GiB; the kernel killed it, out of memory"
    ]
    assert not any(line.startswith("memory") for line in lines(rss_bytes=None))


def test_on_a_narrow_terminal_sentences_go_on_below_and_no_line_is_broken(app: Path) -> None:
    exit_words = "killed by the master: thread 3 stuck, charge ran 7.6 s, limit 5 s"
    noisy = LogLine(at_wall=NOW.timestamp() - 481, level="error", text=f"outcome {'x' * 30} {'y' * 40}\nTraceback")
    deep = crash(app, exit=exit_words, stack=f"{app}/workers/{'deep' * 20}.py:3 in render", log_lines=(noisy,))
    lines = crash_table([deep], View(width=80), now=NOW.timestamp())
    assert lines[1:] == [
        "CRASH   AGO  SLOT     UP  RUNNING  ADOPTED  EXIT",
        "   41  8m0s     3  2h11m        2     31ms  killed by the master: thread 3",
        "                                            stuck, charge ran 7.6 s, limit 5 s",
    ]
    shown = crash_screen(deep, View(width=80), now=NOW.timestamp(), folder=str(app), zone=UTC)
    assert shown[:2] == [
        "crash 41: slot 3, killed by the master: thread 3 stuck, charge ran 7.6 s, limit",
        "5 s; 8 min ago (13:58:02), after 2h 11m",
    ]
    assert max(map(len, shown)) <= 80
    assert any(line.endswith("…") for line in shown)


def test_what_was_adopted_too_late_is_told(app: Path) -> None:
    text = screen(crash(app, adopted_settled=1, adopted_dropped=2, adopted_after_s=41.0), app)
    assert (
        "adopted        by pid 60412 after 41 s: 7 run again, 1 was done, now settled, 2\n"
        "               left to the broker, as their lease was over\n"
    ) in text


def test_all_that_was_recorded_on_request(app: Path) -> None:
    lines = (*crash(app).log_lines, LogLine(at_wall=at(13, 58, 2), level="error", text="no logo\nKeyError: \x1b[7m"))
    assert screen(crash(app, log_lines=lines), app, whole=True).partition("last log lines\n")[2] == (
        "  13:57:59.114 INFO  render began\n"
        "  13:58:01.901 INFO  render 01D2…A7F3 logo 12000x9000\n"
        "  13:58:02.000 ERROR no logo\n"
        "    KeyError:  [7m\n"
        "last outcomes\n"
        "  2.2s before  orders    01D2…B001  attempt 1   Ack    ran 2.1ms\n"
        "  50ms before  receipts  01D2…A7F3  attempt 11  Retry  ran 1.4s\n"
        "memory and CPU\n"
        "  24s before   388MiB  CPU -\n"
        "  21s before   391MiB  CPU 12%\n"
        "  18s before   394MiB  CPU 25%\n"
        "  15s before   397MiB  CPU 38%\n"
        "  12s before   400MiB  CPU 50%\n"
        "  9.4s before  403MiB  CPU 62%\n"
        "  6.4s before  406MiB  CPU 75%\n"
        "  3.4s before  409MiB  CPU 88%\n"
        "  0.4s before  412MiB  CPU 100%"
    )


@pytest.mark.parametrize(
    ("known", "memory"),
    [
        ({"oom_killed": True}, "412 MiB of 1.0 GiB; the kernel killed it, out of memory"),
        ({"oom_killed": None}, "412 MiB of 1.0 GiB"),
        ({"oom_killed": None, "memory_limit_bytes": None}, "412 MiB"),
    ],
)
def test_the_memory_it_used(app: Path, known: dict[str, object], memory: str) -> None:
    assert f"\nmemory         {memory}\n" in screen(crash(app, **known), app)


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
    assert shown["log_lines"][0] == {"at": "2026-03-14T13:57:59.114Z", "level": "info", "text": "render began"}
    assert (shown["decided"][0]["outcome"], shown["usage"][24]["rss_bytes"]) == ("Ack", 412 << 20)
    assert (shown["memory_limit_bytes"], shown["oom_killed"]) == (1 << 30, False)
    assert (shown["after_s"], shown["running"][0]["message_id"]) == (7865.0, FIRST)
    listed = json.loads(sylph("crashes", "ls", "--json")[1])
    recorded = {"schema": "sylph.crash/1"} | {name: shown[name] for name in ("log_lines", "decided", "usage")}
    assert listed["crashes"][0] | recorded == shown
    assert not listed["crashes"][0].keys() & recorded.keys()


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
