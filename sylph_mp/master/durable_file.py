"""Writes a file so that a reader, and the next start, find either the old one or the new one, never a part.

Used by the master's loop thread and by commands; blocks for as long as the disk does, where it is forced there.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

#: For their owner only: bodies, keys and stacks are people's data.
FOLDER_MODE, FILE_MODE = 0o700, 0o600
#: Names of files that are being written; what a killed writer left of them is replaced by the next.
_UNFINISHED = ".unfinished"


def write(path: Path, parts: Iterable[bytes], *, forced: bool = True) -> None:
    """Replace `path` by the joined parts. Raises OSError; then the old file is still there.

    It outlives every process; a power cut only if `forced` to the disk, which may take tens of milliseconds.
    """
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    unfinished = unfinished_name(path)
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as file:
            file.writelines(parts)
            if forced:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    if forced:
        _sync_folder(path.parent)


def unfinished_name(path: Path) -> Path:
    """What a file is called by this process until it is complete."""
    return path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")


def files(folder: Path, suffix: str) -> Iterator[os.DirEntry[str]]:
    """The finished files with that suffix; none where the folder is missing. Raises OSError if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if entry.name.endswith(suffix) and not entry.name.startswith("."))
    except FileNotFoundError:
        return


def clear_unfinished(folder: Path) -> None:
    """Remove what killed writers left; for the one process that may write there now."""
    for path in folder.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
