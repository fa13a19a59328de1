"""Crash reports have numbers that no master gives twice, can be completed later, and are at most a hundred."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from sylph_mp.master import crash_reports
from sylph_mp.master.crash_reports import CrashReport, CrashReports, RunningThen

RAN = RunningThen(
    thread=5,
    topic="receipts",
    handler="render",
    message_id="01D2C4A7F3",
    attempt=2,
    ran_s=0.8,
    strikes=1,
    limit=2,
    suspect=True,
)
REPORT = CrashReport(
    slot=3, pid=41533, exit="SIGSEGV (exit -11)", at_wall=1_000.0, after_s=7_860.0, running=(RAN,), queued=7, done=3
)


class StillClock:
    def monotonic(self) -> float:
        return 50.0

    def time(self) -> float:
        return 2_000.0


def test_numbers_go_on_with_the_next_master(tmp_path: Path) -> None:
    first = CrashReports(tmp_path, StillClock()).add(REPORT)
    second = CrashReports(tmp_path, StillClock()).add(replace(REPORT, slot=1, at_wall=0.0))

    assert (first.number, second.number) == (1, 2)
    assert second.at_wall == 2_000.0
    assert CrashReports(tmp_path, StillClock()).list() == [second, first]


def test_a_report_is_completed_when_its_deliveries_are_adopted(tmp_path: Path) -> None:
    reports = CrashReports(tmp_path, StillClock())
    report = reports.add(REPORT)

    adopted = replace(report, adopted_by=60412, adopted_after_s=0.031, adopted_run_again=7, adopted_settled=3)
    reports.update(adopted)

    assert reports.get(report.number) == adopted
    assert reports.list() == [adopted]


def test_the_oldest_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_reports, "MAX_REPORTS", 3)
    reports = CrashReports(tmp_path, StillClock())
    for _ in range(11):
        reports.add(REPORT)

    assert [report.number for report in reports.list()] == [11, 10, 9]
    assert reports.get(8) is None


def test_an_unreadable_file_is_left_out_said_and_its_number_not_given_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reports = CrashReports(tmp_path, StillClock())
    kept = reports.add(REPORT)
    (tmp_path / "crashes" / "2.json").write_text("{")

    assert reports.list() == [kept]
    assert reports.get(2) is None
    assert reports.add(REPORT).number == 3
    assert {record.sylph_event for record in caplog.records} == {"crash-unreadable"}


def test_without_a_folder_there_is_no_report(tmp_path: Path) -> None:
    assert CrashReports(tmp_path / "never", StillClock()).list() == []


def test_a_disk_that_fails_costs_the_report_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "crashes").write_text("a file in its way")

    assert CrashReports(tmp_path, StillClock()).add(REPORT).number == 1
    assert caplog.records[-1].sylph_event == "crash-lost"


def test_what_a_killed_master_was_writing_is_no_report(tmp_path: Path) -> None:
    reports = CrashReports(tmp_path, StillClock())
    reports.add(REPORT)
    (tmp_path / "crashes" / ".2.json.41.unfinished").write_text("{")

    assert [report.number for report in reports.list()] == [1]
