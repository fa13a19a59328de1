"""What CPU and memory the host has left, or the control group if that is narrower (in CPU: version 2).

Read by the master, on its loop thread, once a second; some ten small files of /proc and /sys.
"""

import os
from pathlib import Path
from typing import Protocol

import psutil
from msgspec import Struct

from sylph_mp.master.control_groups import SELF, field, groups_around, read
from sylph_mp.master.memory_account import MemoryAccount
from sylph_mp.master.scaling_signals import HostSignal


class HostProbe(Protocol):
    def look(self, now: float) -> HostSignal:
        """Shares are means since the last look."""
        ...


class Host:
    def __init__(self, proc: Path = SELF) -> None:
        self._groups = groups_around("cpu", version=2, has="cgroup.procs", proc=proc)
        self._memory = MemoryAccount(proc)
        self._cores = float(len(os.sched_getaffinity(0)))
        self._before: _Used | None = None

    def look(self, now: float) -> HostSignal:
        quotas = [quota for group in self._groups if (quota := _quota(group)) is not None]
        cores = min([self._cores, *(cores for _, cores in quotas)])
        used = _Used(at=now, host=_host_cpu_s(), groups={group: _cpu_s(group) for group, _ in quotas})
        before, self._before = self._before, used
        room = self._memory.room()
        return HostSignal(
            cores=cores,
            cpu_ratio=None if before is None or now <= before.at else _ratio(before, used, dict(quotas)),
            memory_bytes=room.total_bytes,
            memory_free_bytes=room.free_bytes,
        )


class _Used(Struct, frozen=True):
    """CPU seconds so far."""

    at: float
    host: tuple[float, float]
    """Busy, and all there were."""
    groups: dict[Path, float]


def _ratio(before: _Used, now: _Used, quotas: dict[Path, float]) -> float:
    """The fullest counts: of the host, and of every group with a quota."""
    busy, all_s = (later - earlier for later, earlier in zip(now.host, before.host, strict=True))
    shares = [busy / all_s if all_s > 0 else 0.0]
    for group, used_s in now.groups.items():
        if group in before.groups:
            shares.append((used_s - before.groups[group]) / (now.at - before.at) / quotas[group])
    return min(1.0, max(0.0, *shares))


def _host_cpu_s() -> tuple[float, float]:
    times = psutil.cpu_times()
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # user has these already
    return total - times.idle - times.iowait, total


def _quota(group: Path) -> tuple[Path, float] | None:
    """`cpu.max` has `200000 100000` for two cores, or `max 100000`."""
    quota, _, period = read(group / "cpu.max").partition(" ")
    return (group, int(quota) / int(period)) if quota.isdecimal() else None


def _cpu_s(group: Path) -> float:
    return (field(group / "cpu.stat", "usage_usec") or 0) / 1e6
