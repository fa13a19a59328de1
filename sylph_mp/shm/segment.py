"""One slot's shared memory: made, cleared away and unlinked by the master, attached by the slot's processes.

Called on the loop thread of whichever process; the windows it hands out may be used by any thread.

A segment is a `memory_file`, on which the master holds a lock: so a left-over is told from a live one.
"""

import errno
import fcntl
import hashlib
import mmap
import os
from typing import Literal

from sylph_mp.errors import Problem, ResourceError, SylphError
from sylph_mp.shm import memory_file
from sylph_mp.shm.layout import MAGIC, PAGE_BYTES, Geometry, Header

SHM_FOLDER = memory_file.FOLDER
MIB = 1 << 20


class SegmentError(SylphError):
    """There is no such segment, or it is not of this layout; master and consumer are of different versions."""


class Segment:
    """The mapped bytes of one slot, and what its header says."""

    def __init__(self, *, name: str, header: Header, mapping: mmap.mmap, lock: int | None) -> None:
        self.name = name
        self.slot = header.slot
        self.geometry = header.geometry
        self.master_pid = header.master_pid
        self.buf = memoryview(mapping)
        self.closed = False
        self._mapping = mapping
        self._lock = lock
        self._windows: dict[tuple[int, int, str, int], memoryview] = {}

    @classmethod
    def create(cls, name: str, *, slot: int, geometry: Geometry, master_pid: int) -> "Segment":
        """Make the slot's segment, all of its memory really there; raises ResourceError, and then leaves nothing."""
        try:
            file, mapping = memory_file.create(name, geometry.total_bytes)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise _too_small(geometry.total_bytes, 1, buffer=geometry.arena_bytes, place="") from error
            raise not_made(memory_file.path(name), error) from error
        header = Header(slot=slot, master_pid=master_pid, geometry=geometry)
        packed = header.pack()
        mapping[len(MAGIC) : len(packed)] = packed[len(MAGIC) :]
        mapping[: len(MAGIC)] = MAGIC
        return cls(name=name, header=header, mapping=mapping, lock=file)

    @classmethod
    def attach(cls, name: str) -> "Segment":
        """Map an existing segment; raises SegmentError if there is none of this layout."""
        try:
            mapping = memory_file.attach(name)
        except OSError as error:
            raise SegmentError(f"segment {name}: {error.strerror}") from error
        except ValueError as error:
            raise SegmentError(f"segment {name}: {error}") from error
        try:
            with memoryview(mapping) as view:
                header = Header.unpack(view)
            if header.geometry.total_bytes != len(mapping):
                raise ValueError(f"it has {len(mapping)} bytes, its header says {header.geometry.total_bytes}")
        except ValueError as error:
            mapping.close()
            raise SegmentError(f"segment {name}: {error}") from error
        return cls(name=name, header=header, mapping=mapping, lock=None)

    def window(self, at: int, length: int, *, form: Literal["B", "I", "Q", "q"] = "B", step: int = 1) -> memoryview:
        """A view that `close` releases; `form` as in `struct`, `step` in items. Equal arguments, the same view."""
        key = (at, length, form, step)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = self.buf[at : at + length].cast(form)[::step]
        return window

    def close(self) -> None:
        """Unmap it; all windows end. Raises BufferError if a slice that somebody made of one is still alive."""
        for window in self._windows.values():
            window.release()
        self._windows.clear()
        self.closed = True
        self.buf.release()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._mapping.close()

    def unlink(self) -> None:
        """Remove it; the master only. Who has it mapped may go on using it."""
        memory_file.remove(self.name)


def segment_prefix(socket: str) -> str:
    """What the names of a master's segments begin with; `socket` is the absolute path of its control socket."""
    return f"sylph-{hashlib.blake2s(os.fsencode(socket), digest_size=4).hexdigest()}-"


def segment_name(prefix: str, slot: int) -> str:
    return f"{prefix}{slot}"


def needed_bytes(geometry: Geometry) -> int:
    """Bytes of /dev/shm that one slot takes."""
    return geometry.total_bytes


def available_bytes() -> int:
    """Bytes that may still be allocated in /dev/shm."""
    space = os.statvfs(SHM_FOLDER)
    if space.f_blocks == 0:  # a tmpfs mounted without a limit says so
        return 1 << 62
    return space.f_bavail * space.f_frsize


def require(total_bytes: int, slots: int, *, buffer: int, place: str = "") -> None:
    """Raise ResourceError, before anything is made, if /dev/shm cannot hold `slots` segments of `total_bytes` in all.

    `buffer` is the arena of one slot, in bytes, and `place` says where it was configured (`config.toml:11`).
    """
    if available_bytes() < total_bytes:
        raise _too_small(total_bytes, slots, buffer=buffer, place=place)


def clear_left_over(prefix: str) -> list[str]:
    """Unlink the segments of a master that is gone and return their names; those of a live master stay.

    Raises ResourceError for one that may not be opened. To be called with the control socket held: a segment
    that another master is making at this very moment is not locked yet.
    """
    names = sorted(n for n in os.listdir(SHM_FOLDER) if n.startswith(prefix) and n.removeprefix(prefix).isdecimal())
    return [name for name in names if _unlink_unlocked(memory_file.path(name))]


def _unlink_unlocked(path: str) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise not_made(path, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def not_made(path: str, error: OSError) -> ResourceError:
    """The error for a file that cannot be made."""
    problem = Problem(place=path, what=f"shared memory cannot be had: {error.strerror}")
    if isinstance(error, FileExistsError | PermissionError):
        problem = Problem(
            place=path,
            what=problem.what,
            why="a master with the same control socket path holds it, or one of another user left it",
            fix="give this master its own control.socket, or remove the file as its owner",
        )
    return ResourceError(problem.what, problems=(problem,))


def _too_small(total_bytes: int, slots: int, *, buffer: int, place: str) -> ResourceError:
    free = available_bytes()
    problem = Problem(
        place=SHM_FOLDER,
        what=f"{slots} slot{'s need' if slots > 1 else ' needs'} {_shown(total_bytes)} of shared memory, "
        f"{_shown(free)} are there",
        why="reserved at start, so that it cannot run out later and kill consumers",
        fix=f"docker run --shm-size={_shm_size(total_bytes)}; or {_smaller(total_bytes, slots, buffer, place)}",
    )
    return ResourceError(problem.what, problems=(problem,))


def _shown(byte_count: int) -> str:
    mib = byte_count / MIB
    return f"{mib:.1f} MiB" if mib < 1000 else f"{mib / 1024:,.1f} GiB"


def _shm_size(total_bytes: int) -> str:
    """A power of two that holds the slots beside what others have there, as Docker takes it."""
    space = os.statvfs(SHM_FOLDER)
    taken = (space.f_blocks - space.f_bavail) * space.f_frsize
    mib = 1 << (-(-(total_bytes + taken) // MIB) - 1).bit_length()
    return f"{mib}m" if mib < 1024 else f"{mib // 1024}g"


def _smaller(total_bytes: int, slots: int, buffer: int, place: str) -> str:
    """The setting with which the slots would fit."""
    share = available_bytes() // slots // PAGE_BYTES * PAGE_BYTES
    buffer_mib = (share - (total_bytes // slots - buffer)) // MIB
    if buffer_mib < 1:
        return "fewer consumers.processes"
    return f'buffer = "{buffer_mib} MiB"' + (f" ({place})" if place else "")
