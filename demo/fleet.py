"""The `sylph` command as the demo uses it: one `sylph run`, and `sylph status` beside it; on the demo's event loop."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

SYLPH = Path(sys.executable).with_name("sylph")


class Fleet:
    """Each line that `sylph run` prints goes to `show`."""

    def __init__(self, config: Path, environment: Mapping[str, str], *, show: Callable[[str], None]) -> None:
        self._config = config
        self._environment = {**os.environ, **environment}
        self._show = show

    async def start(self) -> None:
        # A session of its own: the terminal's Ctrl-C is for the demo, which then stops the fleet.
        self._run = await self._sylph("run", stdout=PIPE, stderr=STDOUT, start_new_session=True)
        self._reading = asyncio.create_task(self._read_output(self._run))

    async def status(self) -> dict[str, Any] | None:
        """The object of schema `sylph.status/1`; None while there is no master, or when it has ended."""
        process = await self._sylph("status", "--json", stdout=PIPE, stderr=DEVNULL)
        output, _ = await process.communicate()
        found = msgspec.json.decode(output) if output else {}
        return found if found.get("master") else None

    async def status_screen(self, *, colour: bool) -> str:
        """What a person sees."""
        process = await self._sylph("status", "--color", "always" if colour else "never", stdout=PIPE, stderr=STDOUT)
        output, _ = await process.communicate()
        return output.decode().rstrip("\n")

    @property
    def ended(self) -> bool:
        return self._run.returncode is not None

    async def stop(self) -> int:
        """Ask it to drain, and return its exit code."""
        if not self.ended:
            self._run.send_signal(signal.SIGTERM)
        code = await self._run.wait()
        await self._reading
        return code

    async def _sylph(self, command: str, *arguments: str, **how: Any) -> Process:
        return await asyncio.create_subprocess_exec(
            SYLPH, command, "--config", self._config, *arguments, stdin=DEVNULL, env=self._environment, **how
        )

    async def _read_output(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._show(line.decode(errors="replace").rstrip("\n"))
