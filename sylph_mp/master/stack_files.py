"""Where consumers' stacks go when they die of a fatal signal: one file a slot, written by faulthandler.

Named by the master, opened by the consumer when it begins; read by the master when the consumer is dead.
"""

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
        return str(self._folder / f"slot-{slot}")

    def take(self, slot: int) -> str:
        """What its last consumer left; "" for nothing."""
        path = self._folder / f"slot-{slot}"
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES).decode(errors="replace")
        except FileNotFoundError:
            return ""
        path.unlink(missing_ok=True)
        return text
