"""What a master leaves on the host: its processes, its shared memory, its socket."""

import os
from contextlib import suppress
from pathlib import Path

import psutil

from sylph_mp.shm.segment import SHM_FOLDER, segment_prefix

#: A process is known by its environment: children inherit it, and it tells even when their parents are gone.
MARK = "SYLPH_TEST_FLEET"


def marked(folder: Path) -> dict[str, str]:
    """The environment of a master whose processes `processes_of` is to find."""
    # SPT_NOENV: process titles are not to overwrite the environment.
    return os.environ | {MARK: str(folder), "SPT_NOENV": "1"}


def processes_of(folder: Path) -> list[psutil.Process]:
    """All that came of the master and are alive, even if it is gone."""
    found = []
    for process in psutil.process_iter(["pid"]):
        try:
            ours = process.pid != os.getpid() and process.environ().get(MARK) == str(folder)
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_all_of(folder: Path) -> None:
    """At once. Some may have ended by then: a forkserver does when its master is gone."""
    processes = processes_of(folder)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, 5)


def traces(folder: Path, socket: str) -> list[str]:
    """Everything that is there, in words; none after a clean end."""
    segments = [name for name in os.listdir(SHM_FOLDER) if name.startswith(segment_prefix(socket))]
    sockets = [socket] if os.path.exists(socket) else []
    return [*segments, *sockets, *(" ".join(process.cmdline()) for process in processes_of(folder))]
