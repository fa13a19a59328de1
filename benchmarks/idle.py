"""What processes that have nothing to do cost: CPU time to the nanosecond, memory, and how often they wake up."""

import time
from collections.abc import Iterable
from pathlib import Path

import psutil
from msgspec import Struct

#: Linux, include/linux/posix-timers.h: the CPU-time clock of another process is `~pid << 3 | CPUCLOCK_SCHED`.
_CPUCLOCK_SCHED = 2


class Idle(Struct, frozen=True, kw_only=True):
    """One process, over a while."""

    cpu_ratio: float
    """Of one core."""
    pss_mib: float
    """Shared pages are divided among those that share them."""
    wakes_per_s: float
    """All its threads."""


def watch(processes: Iterable[psutil.Process], seconds: float) -> dict[int, Idle]:
    """By process id."""
    pids = [process.pid for process in processes]
    began, before = time.monotonic(), {pid: (cpu_ns(pid), waits(pid)) for pid in pids}
    time.sleep(seconds)
    seen = {}
    for pid, (cpu, waited) in before.items():
        took_s = time.monotonic() - began
        seen[pid] = Idle(
            cpu_ratio=(cpu_ns(pid) - cpu) / 1e9 / took_s,
            pss_mib=float(psutil.Process(pid).memory_full_info().pss) / 2**20,
            wakes_per_s=(waits(pid) - waited) / took_s,
        )
    return seen


def cpu_ns(pid: int) -> int:
    """User and system time of all threads; /proc/PID/stat has hundredths of a second only."""
    return time.clock_gettime_ns(~pid << 3 | _CPUCLOCK_SCHED)


def waits(pid: int) -> int:
    """How often its threads went to sleep, and so were woken: proc(5), voluntary_ctxt_switches."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        lines = status.read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    return total
