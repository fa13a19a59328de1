"""Crash reports: what died, how, what it was running and what became of that; one JSON file for each.

Written by the master's loop thread, read by `sylph crashes` from the files alone, also when nothing runs.
"""

from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sylph_mp.clock import Clock
from sylph_mp.logs import Log
from sylph_mp.master import durable_file
from sylph_mp.master.recording import Decided, LogLine, Usage

#: The oldest is removed for the next: a crash loop must not fill a disk.
MAX_REPORTS = 100

_SUFFIX = ".json"


class RunningThen(Struct, frozen=True, kw_only=True):
    """A handler call that was going on when its consumer died."""

    thread: int | None
    """WorkerPool thread from 1; None: an async handler."""
    topic: str
    handler: str
    message_id: str
    attempt: int
    ran_s: float
    strikes: int
    """Of its message, this crash included."""
    limit: int
    """Strikes at which it goes to quarantine."""
    suspect: bool
    """Whether this crash may be its doing."""


class CrashReport(Struct, frozen=True, kw_only=True):
    number: int = 0
    """From 1, over all masters that used this folder; `add` gives it."""
    slot: int
    pid: int
    exit: str
    """In words: `SIGSEGV (exit -11)`, `killed by the master: hung 15 s`."""
    at_wall: float = 0.0
    """Seconds since 1970 UTC; `add` fills in its own time where it is 0."""
    after_s: float
    """How long the process lived."""
    running: tuple[RunningThen, ...] = ()
    queued: int = 0
    """Deliveries that waited for a thread."""
    done: int = 0
    """Deliveries whose outcome was known, but not yet to the broker."""
    adopted_by: int | None = None
    """Pid of the successor, or the master's own where it released the slot."""
    adopted_after_s: float | None = None
    adopted_run_again: int = 0
    adopted_settled: int = 0
    adopted_dropped: int = 0
    """Their lease was over: the broker delivers them again."""
    quarantined: tuple[str, ...] = ()
    """Message ids."""
    stack: str = ""
    """Of the guilty thread if one is known, the innermost call first; "" if none could be had."""
    log_lines: tuple[LogLine, ...] = ()
    """The process's last, the oldest first."""
    decided: tuple[Decided, ...] = ()
    """The last outcomes, the oldest first."""
    usage: tuple[Usage, ...] = ()
    """Memory and CPU in its last minutes, the oldest first."""
    rss_bytes: int | None = None
    memory_limit_bytes: int | None = None
    """Of its control group, or the host's memory."""
    oom_killed: bool | None = None
    """Whether the kernel killed it for want of memory; None if the kernel does not say."""


class CrashReports:
    """The newest reports. A disk that fails costs a report, and an error line; never the master.

    They are not forced to the disk: a successor is waiting, and what a power cut takes is a report.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        """`folder` is that of the configuration's control.state."""
        self._folder = folder / "crashes"
        self._clock = clock
        self._log = Log("master")

    def add(self, report: CrashReport) -> CrashReport:
        """Keep a new report; returns it with its number."""
        numbers = sorted(self._numbers())
        at_wall = report.at_wall or self._clock.time()
        numbered = replace(report, number=max(numbers, default=0) + 1, at_wall=at_wall)
        self.update(numbered)
        for old in numbers[: len(numbers) + 1 - MAX_REPORTS]:
            self._remove(old)
        return numbered

    def update(self, report: CrashReport) -> None:
        """Replace the report of that number, as when its deliveries have been adopted."""
        try:
            durable_file.write(self._path(report.number), [msgspec.json.encode(report), b"\n"], forced=False)
        except OSError as error:
            self._log.error(
                "crash-lost", f"the report of crash {report.number} is not kept: {error}", crash=report.number
            )

    def list(self) -> list[CrashReport]:
        """The newest first. What cannot be read is left out, and the log says so."""
        found = [self._read(number) for number in sorted(self._numbers(), reverse=True)]
        return [report for report in found if report is not None]

    def get(self, number: int) -> CrashReport | None:
        """The report of that number, if it is still kept and can be read."""
        return self._read(number) if number in self._numbers() else None

    def _read(self, number: int) -> CrashReport | None:
        path = self._path(number)
        try:
            return msgspec.json.decode(path.read_bytes(), type=CrashReport)
        except FileNotFoundError:
            return None  # removed since it was listed
        except (OSError, msgspec.DecodeError) as error:
            self._log.warn("crash-unreadable", f"{path} is left out: {error}", place=str(path))
            return None

    def _remove(self, number: int) -> None:
        try:
            self._path(number).unlink(missing_ok=True)
        except OSError as error:
            self._log.error("crash-kept", f"the report of crash {number} cannot be removed: {error}", crash=number)

    def _numbers(self) -> set[int]:
        try:
            names = [entry.name.removesuffix(_SUFFIX) for entry in durable_file.files(self._folder, _SUFFIX)]
        except OSError as error:
            self._log.error("crash-unreadable", f"{self._folder}: {error}", place=str(self._folder))
            return set()
        return {int(name) for name in names if name.isdecimal()}

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}{_SUFFIX}"
