"""The kernel's account of the memory of this process and all that it starts: limit, what is left, who was killed.

Reads small files of the control group, in well under a millisecond; in the master.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil
from msgspec import Struct

from sylph_mp.master.control_groups import SELF, field, groups_around, read

#: cgroup v1 says "no limit" with the largest number of whole pages.
UNLIMITED = 1 << 60


class _Kind(Struct, frozen=True):
    """A version of control groups; Linux, Documentation/admin-guide: cgroup-v2.rst, cgroup-v1/memory.rst."""

    version: Literal[1, 2]
    limit: str
    used: str
    cached: str
    """In `memory.stat`: what is in use for files and can be done without, of this group and those within."""
    kills: str
    """A file of `name number` lines, one of them `oom_kill`: processes of this group that were killed."""


_KINDS = (
    _Kind(2, "memory.max", "memory.current", "inactive_file", "memory.events"),
    _Kind(1, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory.oom_control"),
)


class Room(Struct, frozen=True):
    total_bytes: int
    free_bytes: int


class MemoryAccount:
    def __init__(self, proc: Path = SELF) -> None:
        found = ((kind, groups_around("memory", version=kind.version, has=kind.kills, proc=proc)) for kind in _KINDS)
        self._kind, self._groups = next(((kind, groups) for kind, groups in found if groups), (_KINDS[0], ()))

    def oom_kills(self) -> int | None:
        """Processes that the kernel has killed for want of memory, here or on the host; None if it does not say."""
        return field(self._groups[0] / self._kind.kills, "oom_kill") if self._groups else None

    def limit_bytes(self) -> int:
        """The least of the limits around this process; the host's memory if there is none."""
        return min([psutil.virtual_memory().total, *(limit for _, limit in self._limited())])

    def room(self) -> Room:
        """Where least is left: on the host or in a group. What is cached of files counts as free."""
        host = psutil.virtual_memory()
        rooms = [Room(host.total, host.available)]
        for group, limit in self._limited():
            cached = field(group / "memory.stat", self._kind.cached) or 0
            used = int(read(group / self._kind.used) or 0) - cached
            rooms.append(Room(limit, max(0, limit - used)))
        return min(rooms, key=lambda room: room.free_bytes)

    def _limited(self) -> Iterator[tuple[Path, int]]:
        for group in self._groups:
            limit = read(group / self._kind.limit)
            if limit.isdecimal() and int(limit) < UNLIMITED:
                yield group, int(limit)
