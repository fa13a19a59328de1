"""After a death the table says who is to blame, quarantine has who is guilty, and a report tells what happened."""

from types import SimpleNamespace

import pytest

from sylph_mp.api import Message
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Topic
from sylph_mp.master.bereavement import Bereavement
from sylph_mp.master.coroner import Findings
from sylph_mp.master.crash_reports import CrashReports
from sylph_mp.master.quarantine import Quarantine
from sylph_mp.master.recording import LogLine, Recording
from sylph_mp.master.strikes import Strikes
from sylph_mp.pipe import Adopted
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.table import SUSPECT, EntryOutcome, EntryState, Table
from sylph_mp.shm.vitals import VitalsWriter

NOW = 1000.0
IDENT = 0x7F00AA


class Grave:
    """A slot whose consumer has died, and what it held."""

    def __init__(self, segment, folder, *, quarantine="dead-letter"):
        self.folder = folder
        self.table = Table(segment)
        self.arena = Arena(segment)
        self.slot = SimpleNamespace(number=3, segment=segment, counts=self.table.counts)
        topics = {"orders": Topic(name="orders", instance="default", group="g", quarantine=quarantine)}
        self.child = SimpleNamespace(
            pid=77,
            forked_at=NOW - 60,
            stuck=None,
            stuck_thread=None,
            config=SimpleNamespace(topics=topics),
            handler_of=lambda topic: "charge",
        )
        self.reopen()

    def reopen(self):
        """As a master does that starts anew."""
        clock = SystemClock()
        self.quarantine = Quarantine(self.folder, clock)
        self.reports = CrashReports(self.folder, clock)
        self.bereavement = Bereavement(
            quarantine=self.quarantine,
            strikes=Strikes(self.folder),
            reports=self.reports,
            message_in=lambda frame, attempt: Message(id=frame.decode(), topic="orders", body=frame, attempt=attempt),
            clock=clock,
        )

    def hold(self, index, name, *, thread=None):
        at = self.arena.alloc(len(name))
        self.arena.write(at, name.encode())
        self.table.put(index, 0, 1, 0, 0, at, len(name), 1 << 62, 1)
        if thread is not None:
            self.table.start(index, thread, int((NOW - 2) * 1e9))

    def mourn(self, stacks="", **findings):
        found = Findings(exit="SIGSEGV (exit -11)", stacks=stacks, **findings)
        return self.bereavement.mourn(self.slot, self.child, found, NOW)


@pytest.fixture
def grave(segment, tmp_path):
    return Grave(segment, tmp_path)


def test_all_that_ran_are_suspects_of_a_death_without_a_word(grave):
    grave.hold(0, "m0", thread=0)
    grave.hold(1, "m1", thread=1)
    grave.hold(2, "m2")
    report = grave.mourn()
    entries = {entry.index: entry for entry in grave.table.scan()}
    assert [(entries[at].strikes, entries[at].flags & SUSPECT) for at in (0, 1)] == [(0, SUSPECT)] * 2
    assert (entries[2].strikes, entries[2].flags) == (0, 0)
    assert [(ran.message_id, ran.ran_s, ran.suspect) for ran in report.running] == [
        ("m0", 2.0, True),
        ("m1", 2.0, True),
    ]
    assert (report.queued, report.quarantined) == (1, ())


def test_the_thread_that_a_fatal_signal_names_is_the_only_suspect(segment, grave):
    VitalsWriter(segment).thread(1, IDENT)
    grave.hold(0, "m0", thread=0)
    grave.hold(1, "m1", thread=1)
    report = grave.mourn(
        "Fatal Python error: Segmentation fault\n\n"
        f"Current thread 0x{IDENT:016x} (most recent call first):\n"
        '  File "/srv/app.py", line 8 in render\n'
    )
    assert [(ran.message_id, ran.suspect) for ran in report.running] == [("m0", False), ("m1", True)]
    assert report.stack == "/srv/app.py:8 in render"
    assert [(entry.strikes, entry.flags & SUSPECT) for entry in grave.table.scan()] == [(0, 0), (1, SUSPECT)]


@pytest.mark.parametrize(("copy", "outcome"), [("dead-letter", EntryOutcome.DEAD_LETTER), ("ack", EntryOutcome.ACK)])
def test_at_the_limit_the_message_is_put_away_and_its_entry_is_done(segment, tmp_path, copy, outcome):
    grave = Grave(segment, tmp_path, quarantine=copy)
    grave.hold(0, "killer", thread=0)
    grave.mourn()
    assert grave.quarantine.list() == []
    report = grave.mourn()
    (entry,) = grave.table.scan()
    assert (entry.state, entry.outcome) == (EntryState.DONE, outcome)
    (label,) = grave.quarantine.list()
    assert (label.id, label.handler, label.strikes, label.crashes) == ("killer", "charge", 2, (1, 2))
    assert report.quarantined == ("killer",)
    assert grave.quarantine.find("killer").body == b"killer"


def test_report_and_quarantine_have_what_was_logged_last(grave):
    first, second = (LogLine(at_wall=wall, level="info", text="render began") for wall in (1.0, 2.0))
    grave.hold(0, "killer", thread=0)
    report = grave.mourn(recording=Recording(log_lines=(first,)), rss_bytes=7, memory_limit_bytes=8, oom_killed=False)
    assert (report.exit, report.log_lines) == ("SIGSEGV (exit -11)", (first,))
    assert (report.rss_bytes, report.memory_limit_bytes, report.oom_killed) == (7, 8, False)
    grave.mourn(recording=Recording(log_lines=(second,)))
    assert grave.quarantine.find("killer").log_lines == (second,)


def test_a_message_that_quarantine_cannot_keep_is_never_acked(segment, tmp_path, monkeypatch):
    grave = Grave(segment, tmp_path, quarantine="ack")
    monkeypatch.setattr(grave.quarantine, "put", lambda message: False)
    grave.hold(0, "killer", thread=0)
    grave.mourn()
    grave.mourn()
    (entry,) = grave.table.scan()
    assert (entry.state, entry.outcome) == (EntryState.DONE, EntryOutcome.DEAD_LETTER)


def test_strikes_outlive_the_table_and_the_master(grave):
    grave.hold(0, "killer", thread=0)
    grave.mourn()
    grave.table.clear()
    grave.reopen()
    grave.hold(0, "killer", thread=0)
    assert grave.mourn().quarantined == ("killer",)


def test_the_report_is_completed_when_the_successor_has_taken_over(grave):
    grave.hold(0, "m0", thread=0)
    grave.mourn()
    successor = SimpleNamespace(pid=78)
    grave.bereavement.adopted(grave.slot, successor, Adopted(run=1, settled=0, dropped=0), NOW + 0.03)
    (report,) = grave.reports.list()
    assert (report.adopted_by, report.adopted_run_again) == (78, 1)
    assert report.adopted_after_s == pytest.approx(0.03)
    assert grave.bereavement.adopted(grave.slot, successor, Adopted(run=0, settled=0, dropped=0), NOW + 1) is None
