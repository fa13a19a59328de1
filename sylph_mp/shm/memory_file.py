"""A file in /dev/shm, which on Linux is all that POSIX shared memory is: made with all its memory, locked, mapped.

Opening it directly leaves out the resource tracker of `multiprocessing.shared_memory`, which destroys a segment when
an observer exits (cpython#104291), in the same way on every Python. Who makes it holds an flock(2) on it: the kernel
drops that with its process, however it ends, so that a left-over is told from a live one without trusting a pid.
"""

import fcntl
import mmap
import os

FOLDER = "/dev/shm"  # noqa: S108 - the place of POSIX shared memory, not a temporary file


def create(name: str, size: int) -> tuple[int, mmap.mmap]:
    """Make and map it; returns the descriptor that holds the lock, too. Raises OSError, and then leaves nothing."""
    file = os.open(path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.posix_fallocate(file, 0, size)
        return file, mmap.mmap(file, size)
    except OSError:
        os.unlink(path(name))
        os.close(file)
        raise


def attach(name: str) -> mmap.mmap:
    """Map one that is there. Raises OSError, and ValueError for an empty one."""
    file = os.open(path(name), os.O_RDWR | os.O_NOFOLLOW)
    try:
        return mmap.mmap(file, os.fstat(file).st_size)
    finally:
        os.close(file)


def remove(name: str) -> None:
    """Who has it mapped may go on using it."""
    if os.path.exists(path(name)):
        os.unlink(path(name))


def path(name: str) -> str:
    return f"{FOLDER}/{name}"
