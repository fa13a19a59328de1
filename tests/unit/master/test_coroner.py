"""How a consumer died is told from what it left in its slot, what the master did, and what the kernel counts."""

import math
import os
import signal
from types import SimpleNamespace

import pytest

from sylph_mp.errors import Problem
from sylph_mp.master.coroner import Coroner, Findings
from sylph_mp.master.recording import Decided, LogLine, Usage
from sylph_mp.master.stack_files import StackFiles
from sylph_mp.pipe import Refused
from sylph_mp.shm.recorder import RecorderWriter
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome

NOW = 1000.0
GIB = 1 << 30


class Kernel:
    """Its account, as the test says."""

    def __init__(self) -> None:
        self.kills: int | None = 5

    def oom_kills(self) -> int | None:
        return self.kills

    def limit_bytes(self) -> int:
        return 2 * GIB


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def coroner(kernel, tmp_path) -> Coroner:
    return Coroner(stack_files=StackFiles(tmp_path), memory=kernel)


def examine(coroner: Coroner, segment: Segment | None, *, now: float = NOW, **child: object) -> Findings:
    known = {"pid": os.getpid(), "exit_code": -signal.SIGKILL, "killed_for": None, "refused": None}
    return coroner.examine(SimpleNamespace(number=3, segment=segment), SimpleNamespace(**(known | child)), now)


def test_what_the_flight_recorder_kept(coroner, segment):
    writer = RecorderWriter(segment, os.getpid())
    writer.line(5.0, "info", "render began")
    writer.outcome(int((NOW - 2) * 1e9), 40_000_000, 3, 0, EntryOutcome.RETRY, "m1")
    writer.sample(int((NOW - 1.5) * 1e9), 100, math.nan)
    writer.sample(int((NOW - 0.5) * 1e9), 200, 0.75)
    findings = examine(coroner, segment)
    assert findings.recording.log_lines == (LogLine(at_wall=5.0, level="info", text="render began"),)
    decided = Decided(ago_s=2.0, topic="orders", message_id="m1", attempt=3, outcome="Retry", run_s=0.04)
    assert findings.recording.decided == (decided,)
    assert findings.recording.usage == (
        Usage(ago_s=1.5, rss_bytes=100, cpu_share=None),
        Usage(ago_s=0.5, rss_bytes=200, cpu_share=0.75),
    )
    assert findings.rss_bytes == 200


def test_what_an_earlier_process_left_is_not_this_ones(coroner, segment):
    RecorderWriter(segment, os.getpid()).line(5.0, "info", "render began")
    assert examine(coroner, segment, pid=1).recording.log_lines == ()
    assert examine(coroner, None).recording.log_lines == ()


def test_a_kill_by_the_kernel_for_want_of_memory(coroner, segment, kernel):
    kernel.kills = 6
    findings = examine(coroner, segment)
    assert findings.exit == "SIGKILL by the kernel, out of memory (limit 2.0 GiB)"
    assert (findings.oom_killed, findings.memory_limit_bytes) == (True, 2 * GIB)
    assert examine(coroner, segment).exit == "SIGKILL (exit -9)"


def test_a_kill_of_another_process_is_not_taken_for_a_death_that_comes_later(coroner, segment, kernel):
    kernel.kills = 6
    coroner.look(NOW - 30)
    findings = examine(coroner, segment)
    assert (findings.exit, findings.oom_killed) == ("SIGKILL (exit -9)", False)


@pytest.mark.parametrize(
    ("child", "words"),
    [
        ({"exit_code": -signal.SIGSEGV}, "SIGSEGV (exit -11)"),
        ({"killed_for": "killed by the master: hung 15 s"}, "killed by the master: hung 15 s"),
    ],
)
def test_no_other_death_is_the_kernels_doing(coroner, segment, kernel, child, words):
    kernel.kills = 6
    findings = examine(coroner, segment, **child)
    assert (findings.exit, findings.oom_killed) == (words, False)


def test_a_kernel_that_does_not_count(segment, kernel, tmp_path):
    kernel.kills = None
    findings = examine(Coroner(stack_files=StackFiles(tmp_path), memory=kernel), segment)
    assert (findings.exit, findings.oom_killed) == ("SIGKILL (exit -9)", None)


def test_an_exception_is_named_with_its_place(coroner, segment):
    refused = Refused(problems=(Problem(place="app.py:3", what="app cannot be loaded"),), exit_code=78)
    assert examine(coroner, segment, exit_code=78, refused=refused).exit == "refused: app cannot be loaded"
    RecorderWriter(segment, os.getpid()).last_words("ImportError at workers/orders.py:3")
    assert examine(coroner, segment, exit_code=1).exit == "exit 1: ImportError at workers/orders.py:3"
    words = examine(coroner, segment, exit_code=78, refused=refused).exit
    assert words == "exit 78: ImportError at workers/orders.py:3"
