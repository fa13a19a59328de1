"""Finds out how a consumer died, from what it left and what the kernel says; who is to blame is another question.

On the master's loop thread, before the slot is filled again.
"""

import signal

from msgspec import Struct

from sylph_mp.master.child import Child
from sylph_mp.master.exit_words import exit_in_words, refusal_in_words
from sylph_mp.master.memory_account import MemoryAccount
from sylph_mp.master.oom_kills import OomKills
from sylph_mp.master.recording import Recording, recording_of
from sylph_mp.master.slot import Slot
from sylph_mp.master.stack_files import StackFiles

#: Reading the count takes some microseconds; the time of a kill is known to this.
LOOK_S = 1.0


class Findings(Struct, frozen=True, kw_only=True):
    exit: str
    """In words: `SIGSEGV (exit -11)`, `killed by the master: hung 15 s`."""
    stacks: str = ""
    """What faulthandler wrote, "" for nothing."""
    recording: Recording = Recording()
    rss_bytes: int | None = None
    """The last that is known."""
    memory_limit_bytes: int | None = None
    oom_killed: bool | None = None
    """Whether the kernel killed it for want of memory; None if the kernel does not say."""


class Coroner:
    def __init__(self, *, stack_files: StackFiles, memory: MemoryAccount) -> None:
        self._stack_files = stack_files
        self._memory = memory
        count = memory.oom_kills()
        self._oom_kills = OomKills(count) if count is not None else None
        self._looked_at = 0.0

    def look(self, now: float) -> None:
        """At the kernel's count, so that a kill of something else is old when a consumer dies."""
        if now - self._looked_at >= LOOK_S:
            self._look(now)

    def examine(self, slot: Slot, child: Child, now: float) -> Findings:
        """Of a consumer that has died just now."""
        recording = recording_of(slot.segment, child.pid, now)
        limit, oom_killed = self._memory.limit_bytes(), self._oom_killed(child, now)
        if child.killed_for is not None:
            words = child.killed_for
        elif child.refused is not None and not recording.last_words:
            words = f"refused: {refusal_in_words(child.refused)}"
        else:
            last_words = recording.last_words
            words = exit_in_words(child.exit_code, last_words=last_words, memory_limit=limit if oom_killed else None)
        return Findings(
            exit=words,
            stacks=self._stack_files.take(slot.number),
            recording=recording,
            rss_bytes=recording.usage[-1].rss_bytes if recording.usage else None,
            memory_limit_bytes=limit,
            oom_killed=oom_killed,
        )

    def _look(self, now: float) -> None:
        self._looked_at = now
        count = self._memory.oom_kills()
        if self._oom_kills is not None and count is not None:
            self._oom_kills.look(count, now)

    def _oom_killed(self, child: Child, now: float) -> bool | None:
        if self._oom_kills is None:
            return None
        self._look(now)
        by_somebody = child.exit_code == -signal.SIGKILL and child.killed_for is None
        return by_somebody and self._oom_kills.claim(now)
