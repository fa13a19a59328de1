"""Where consumers' stacks go when they die of a fatal signal or are asked for them: one file a slot, by faulthandler.

Named by the master, opened by the consumer when it begins; read by the master.
"""

import os
from pathlib import Path

from sylph_mp.master import durable_file

#: Some hundred threads' stacks; more is not a dump.
MAX_BYTES = 1 << 20


class StackFiles:
    def __init__(self, folder: Path) -> None:
        """`folder` is that of the configuration's control.state."""
        self._folder = folder / "stacks"

    def path(self, slot: int) -> str:
        """For the next consumer of a slot. Raises OSError where the folder cannot be made."""
        self._folder.mkdir(mode=durable_file.FOLDER_MODE, parents=True, exist_ok=True)
        return str(self._of(slot))

    def take(self, slot: int) -> str:
        """What its last consumer left; "" for nothing."""
        text = self.read(slot)
        self._of(slot).unlink(missing_ok=True)
        return text

    def clear(self, slot: int) -> None:
        """Forget what was written. The consumer writes on where it was, so the file begins with a hole then."""
        if self._of(slot).exists():
            os.truncate(self._of(slot), 0)

    def size(self, slot: int) -> int:
        """0 until something was written, or where no consumer has opened it."""
        try:
            return self._of(slot).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, slot: int) -> str:
        """What was written last; "" for nothing."""
        try:
            with self._of(slot).open("rb") as file:
                file.seek(max(0, self.size(slot) - MAX_BYTES))
                return file.read(MAX_BYTES).lstrip(b"\0").decode(errors="replace")
        except FileNotFoundError:
            return ""

    def _of(self, slot: int) -> Path:
        return self._folder / f"slot-{slot}"
