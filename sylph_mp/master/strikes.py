"""How many crashes each message has been a suspect of: one small file a message, so that no writer waits for another.

Written by the master's loop thread, and by `sylph quarantine release` in its own process.
"""

import os
from pathlib import Path
from urllib.parse import quote, unquote

from sylph_mp.logs import Log
from sylph_mp.master import durable_file

#: The oldest are forgotten first.
MAX_MESSAGES = 10_000
#: A message that nobody has seen for so long does not come back.
KEPT_S = 7 * 86400.0
#: How often those that are too old are looked for.
PRUNE_EVERY_S = 3600.0

_SUFFIX = ".strikes"


class Strikes:
    """Read from the files each time, so a message that was released is known at once to a master that runs.

    A file holds the number as text, its modification time is that of the last strike. They are not forced to the
    disk: they outlive every process, and what a power cut takes costs one more crash. So does a disk that fails,
    with an error line.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is that of the configuration's control.state."""
        self._folder = folder / "strikes"
        self._pruned_at = 0.0
        self._log = Log("master")

    def of(self, message_id: str) -> int:
        """0 for a message without."""
        return _number(self._path(message_id))

    def add(self, message_id: str, wall: float) -> int:
        """One more; returns how many there are now. `wall` is seconds since 1970 UTC."""
        path = self._path(message_id)
        number = _number(path) + 1
        try:
            self._folder.mkdir(mode=durable_file.FOLDER_MODE, parents=True, exist_ok=True)
            self._make_room(wall)
            _write(path, number, wall)
        except OSError as error:
            self._log.error("strike-lost", f"a strike is not kept: {error}", message=message_id)
        return number

    def clear(self, message_id: str) -> None:
        """For a message that was settled, quarantined or released."""
        try:
            self._path(message_id).unlink(missing_ok=True)
        except OSError as error:
            self._log.error("strike-kept", f"strikes cannot be cleared: {error}", message=message_id)

    def all(self) -> dict[str, int]:
        """By message id."""
        found = {
            unquote(entry.name.removesuffix(_SUFFIX)): _number(Path(entry.path))
            for entry in durable_file.files(self._folder, _SUFFIX)
        }
        return {message_id: number for message_id, number in found.items() if number}

    def _make_room(self, wall: float) -> None:
        full = len(os.listdir(self._folder)) >= MAX_MESSAGES
        if not full and wall - self._pruned_at < PRUNE_EVERY_S:
            return
        self._pruned_at = wall
        newest_first = sorted(
            ((entry.stat().st_mtime, entry.path) for entry in durable_file.files(self._folder, _SUFFIX)), reverse=True
        )
        for place, (struck_at, path) in enumerate(newest_first, start=1):
            if place >= MAX_MESSAGES or wall - struck_at > KEPT_S:
                os.unlink(path)

    def _path(self, message_id: str) -> Path:
        return self._folder / (quote(message_id, safe="") + _SUFFIX)


def _write(path: Path, number: int, wall: float) -> None:
    unfinished = durable_file.unfinished_name(path)
    unfinished.write_text(f"{number}\n", encoding="ascii")
    os.utime(unfinished, (wall, wall))
    unfinished.replace(path)


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # there is none, or a power cut left it empty
        return 0
