"""After a consumer's death: finds who is to blame, marks it in the slot's table for the successor, and reports.

On the master's loop thread, while no process lives in the slot: until the next is forked, the table is the master's.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from sylph_mp.api import Message
from sylph_mp.clock import Clock
from sylph_mp.config.schema import Topic
from sylph_mp.logs import Log
from sylph_mp.master.child import Child
from sylph_mp.master.coroner import Findings
from sylph_mp.master.crash_reports import CrashReport, CrashReports, RunningThen
from sylph_mp.master.faulthandler_dump import Dump, parse_dump
from sylph_mp.master.quarantine import Quarantine, Quarantined
from sylph_mp.master.slot import Slot
from sylph_mp.master.strikes import Strikes
from sylph_mp.master.suspicion import Blame, Ran, blame
from sylph_mp.pipe import Adopted
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import FIFO, SUSPECT, TRIED, Entry, EntryOutcome, EntryState, Table
from sylph_mp.shm.vitals import read_vitals

MessageIn = Callable[[bytes, int], Message | None]
"""The message in a received frame, as of an attempt; None if there is none in it."""


class Remains(Struct, frozen=True, kw_only=True):
    """A delivery that ran when its consumer died."""

    entry: Entry
    topic: Topic
    message: Message | None

    @property
    def message_id(self) -> str:
        return self.message.id if self.message else ""


class Bereavement:
    def __init__(
        self,
        *,
        quarantine: Quarantine,
        strikes: Strikes,
        reports: CrashReports,
        message_in: MessageIn,
        clock: Clock,
    ) -> None:
        self._quarantine = quarantine
        self._strikes = strikes
        self._reports = reports
        self._message_in = message_in
        self._clock = clock
        self._unadopted: dict[int, tuple[CrashReport, float]] = {}
        """By slot: the report of the last death, and when that was."""

    def mourn(self, slot: Slot, child: Child, findings: Findings, now: float) -> CrashReport:
        """A consumer has died without being asked."""
        dump = parse_dump(findings.stacks)
        remains = self._remains(slot, child)
        counts = slot.counts()
        verdict = blame(
            [self._ran(each) for each in remains],
            guilty_thread=_guilty_thread(slot.segment, child, dump),
            guilty_entries=child.stuck.entries if child.stuck else (),
        )
        blames = {each.index: each for each in verdict}
        report = self._reports.add(
            CrashReport(
                slot=slot.number,
                pid=child.pid,
                exit=findings.exit,
                after_s=now - child.forked_at,
                running=tuple(_running(each, blames[each.entry.index], child, now) for each in remains),
                queued=counts.queued,
                done=counts.done + counts.held,
                quarantined=tuple(each.message_id for each in remains if blames[each.entry.index].quarantine),
                stack=child.stuck.stack if child.stuck else _stack(dump),
                log_lines=findings.recording.log_lines,
                decided=findings.recording.decided,
                usage=findings.recording.usage,
                rss_bytes=findings.rss_bytes,
                memory_limit_bytes=findings.memory_limit_bytes,
                oom_killed=findings.oom_killed,
            )
        )
        for each in remains:
            self._mark(slot, child, each, blames[each.entry.index], report)
        self._unadopted[slot.number] = (report, now)
        return report

    def adopted(self, slot: Slot, child: Child, news: Adopted, now: float) -> CrashReport | None:
        """The successor has taken over what lay there; None if no consumer died here before it."""
        report, died_at = self._unadopted.pop(slot.number, (None, 0.0))
        if report is None:
            return None
        completed = msgspec.structs.replace(
            report,
            adopted_by=child.pid,
            adopted_after_s=now - died_at,
            adopted_run_again=news.run,
            adopted_settled=news.settled,
            adopted_dropped=news.dropped,
        )
        self._reports.update(completed)
        return completed

    def _remains(self, slot: Slot, child: Child) -> list[Remains]:
        if slot.segment is None:
            return []
        arena, topics = Arena(slot.segment), slot.segment.geometry.topics
        return [
            Remains(
                entry=entry,
                topic=child.config.topics[topics[entry.topic]],
                message=self._message_in(arena.read(entry.frame_at, entry.frame_len), entry.attempt),
            )
            for entry in Table(slot.segment).scan()
            if entry.state is EntryState.RUNNING
        ]

    def _ran(self, remains: Remains) -> Ran:
        entry = remains.entry
        return Ran(
            index=entry.index,
            thread=entry.thread,
            strikes=max(entry.strikes, self._strikes.of(remains.message_id) if remains.message else 0),
            limit=remains.topic.strikes,
            suspect=bool(entry.flags & SUSPECT),
        )

    def _mark(self, slot: Slot, child: Child, remains: Remains, blamed: Blame, report: CrashReport) -> None:
        assert slot.segment is not None
        entry, table = remains.entry, Table(slot.segment)
        flags = entry.flags & FIFO | (SUSPECT if blamed.suspect else 0) | (TRIED if blamed.tried else 0)
        table.blame(entry.index, blamed.strikes, flags)
        if remains.message is not None and blamed.strikes > self._strikes.of(remains.message_id):
            self._strikes.add(remains.message_id, self._clock.time())
        if blamed.quarantine:
            kept = remains.message is not None and self._put_away(child, remains, remains.message, blamed, report)
            # The broker's copy is given up only where there is another.
            acked = kept and remains.topic.quarantine == "ack"
            table.finish(entry.index, EntryOutcome.ACK if acked else EntryOutcome.DEAD_LETTER, 0)

    def _put_away(self, child: Child, remains: Remains, message: Message, blamed: Blame, report: CrashReport) -> bool:
        """Into quarantine; False if it could not be kept there."""
        topic = remains.topic
        crashes = self._crashes_of(message.id)
        times = {1: "once", 2: "twice"}.get(blamed.strikes, f"{blamed.strikes} times")
        Log(f"slot {report.slot}").error(
            "quarantine",
            f"message killed its consumer {times}",
            topic=topic.name,
            message=message.id,
            crash=report.number,
        )
        kept = self._quarantine.put(
            Quarantined(
                id=message.id,
                topic=topic.name,
                instance=topic.instance,
                group=topic.group,
                handler=child.handler_of(topic.name),
                tag=message.tag,
                keys=message.keys,
                properties=message.properties,
                message_group=message.group,
                attempts=message.attempt,
                born_at=message.born_at.timestamp() if message.born_at else None,
                stored_at=message.stored_at.timestamp() if message.stored_at else None,
                strikes=blamed.strikes,
                limit=topic.strikes,
                crashes=tuple(crash.number for crash in crashes),
                exits=tuple(crash.exit for crash in crashes),
                stack=report.stack,
                log_lines=report.log_lines,
                body=message.body,
            )
        )
        if kept:
            self._strikes.clear(message.id)
        return kept

    def _crashes_of(self, message_id: str) -> list[CrashReport]:
        """Those that it may have caused, the oldest first."""
        return [
            report
            for report in reversed(self._reports.list())
            if any(ran.message_id == message_id and ran.suspect for ran in report.running)
        ]


def _running(remains: Remains, blamed: Blame, child: Child, now: float) -> RunningThen:
    entry = remains.entry
    return RunningThen(
        thread=None if entry.thread is None else entry.thread + 1,
        topic=remains.topic.name,
        handler=child.handler_of(remains.topic.name),
        message_id=remains.message_id,
        attempt=entry.attempt,
        ran_s=max(0.0, now - (entry.started_s or now)),
        strikes=blamed.strikes,
        limit=remains.topic.strikes,
        suspect=blamed.suspect,
    )


def _guilty_thread(segment: Segment | None, child: Child, dump: Dump) -> int | None:
    """From 0: the one that the watchdog found stuck, or in which a fatal signal came."""
    if child.stuck_thread is not None:
        return child.stuck_thread - 1
    if segment is None or dump.current_ident is None or not dump.reason:
        return None
    idents = read_vitals(segment).thread_idents
    return idents.index(dump.current_ident) if dump.current_ident in idents else None


def _stack(dump: Dump) -> str:
    return "\n".join(dump.threads.get(dump.current_ident or 0, ()))
