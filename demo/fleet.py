"""One `sylph run`, started and stopped as a user does, and what its master says of it; on the demo's event loop."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable
from pathlib import Path

from sylph_mp.control.client import look
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import NoAnswerError, NoMasterError


class Fleet:
    """Each line that `sylph run` prints goes to `show`."""

    def __init__(self, *, config: Path, socket: Path, notes: Path, show: Callable[[str], None]) -> None:
        self._config = config
        self._socket = socket
        self._notes = notes
        self._show = show

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("sylph"),
            "run",
            "--config",
            self._config,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, "SYLPH_CONTROL_SOCKET": str(self._socket), "SYLPH_DEMO_NOTES": str(self._notes)},
            start_new_session=True,  # the terminal's Ctrl-C is for the demo, which then stops the fleet
        )
        self._reading = asyncio.create_task(self._read_output(self._process))

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def snapshot(self) -> Snapshot | None:
        """What `sylph status` shows; None while no master answers."""
        try:
            return await asyncio.to_thread(look, str(self._socket))
        except (NoMasterError, NoAnswerError):
            return None

    async def stop(self) -> int:
        """Ask it to drain, wait for the end and return its exit code."""
        if not self.ended:
            self._process.send_signal(signal.SIGTERM)
        code = await self._process.wait()
        await self._reading
        return code

    async def _read_output(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._show(line.decode(errors="replace").rstrip("\n"))
