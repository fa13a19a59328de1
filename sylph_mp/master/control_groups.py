"""Finds the control groups that this process is in, of either version and in any kind of container.

Reads two small files of /proc, once; in the master.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

SELF = Path("/proc/self")


def groups_around(controller: str, *, version: Literal[1, 2], has: str, proc: Path = SELF) -> tuple[Path, ...]:
    """Our group and those around it, of which each may be the narrowest; none where our group has no file `has`.

    cgroups(7): membership is `0::PATH` in version 2, `ID:CONTROLLERS:PATH` in version 1.
    """
    option = controller if version == 1 else ""
    memberships = [line.split(":", 2) for line in read(proc / "cgroup").splitlines()]
    for path in (path for _, controllers, path in memberships if option in controllers.split(",")):
        for root, mount in _mounted("cgroup" if version == 1 else "cgroup2", option, proc):
            # In a container the group's path may be told as the host sees it: then its mount is the group itself.
            for folder in (mount / os.path.relpath(path, root), mount):
                if (folder / has).exists():
                    return tuple(around for around in (folder, *folder.parents) if around.is_relative_to(mount))
    return ()


def _mounted(of_type: str, option: str, proc: Path) -> Iterator[tuple[str, Path]]:
    """Root and mount point of each file system of a type; proc(5): `… ROOT MOUNT … - TYPE SOURCE OPTIONS`."""
    for line in read(proc / "mountinfo").splitlines():
        words = line.split(" ")
        kind, _, options = words[words.index("-") + 1 :]
        if kind == of_type and (not option or option in options.split(",")):
            yield words[3], Path(words[4])


def field(path: Path, name: str) -> int | None:
    """Of a file of `name number` lines."""
    for line in read(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return None


def read(path: Path) -> str:
    """Nothing of what is not there, as in the root group, or not for us to read."""
    try:
        with open(path, "rb", buffering=0) as file:  # several a second: reading as text would take five times as long
            return file.readall().decode().strip()
    except OSError:
        return ""
