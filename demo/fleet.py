"""One `sylph run`, started and stopped as a user does, and what its master says of it; on the demo's event loop."""

import asyncio
import os
import pty
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sylph_mp.control.client import look
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import NoAnswerError, NoMasterError


class Fleet:
    """Each line that `sylph run` prints goes to `show`: those for a terminal, or those for a log."""

    def __init__(
        self,
        *,
        config: Path,
        endpoint: str,
        socket: Path,
        notes: Path,
        for_terminal: bool,
        show: Callable[[str], None],
    ) -> None:
        self._config = config
        self._environment = {
            "SYLPH_INSTANCES_DEFAULT_ENDPOINTS": endpoint,
            "SYLPH_CONTROL_SOCKET": str(socket),
            "SYLPH_CONTROL_STATE": str(socket.with_suffix(".state")),
            "SYLPH_DEMO_NOTES": str(notes),
        }
        self._socket = socket
        self._for_terminal = for_terminal
        self._show = show

    async def start(self) -> None:
        ours, theirs = pty.openpty() if self._for_terminal else os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                Path(sys.executable).with_name("sylph"),
                "run",
                "--config",
                self._config,
                stdin=DEVNULL,
                stdout=theirs,
                stderr=theirs,
                env={**os.environ, **self._environment},
                start_new_session=True,  # the terminal's Ctrl-C is for the demo, which then stops the fleet
            )
        finally:
            os.close(theirs)
        self._reading = asyncio.create_task(self._read_output(ours))

    @property
    def pid(self) -> int:
        return self._process.pid

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

    async def _read_output(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        with suppress(OSError):  # so a terminal ends (EIO), where a pipe just ends
            async for line in reader:
                self._show(line.decode(errors="replace").rstrip())
        transport.close()
