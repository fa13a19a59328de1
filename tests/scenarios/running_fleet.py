"""`sylph run` in a folder that has its configuration and app: a test's grip on it, however often its master dies."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import psutil

from sylph_mp.control.client import look, tell
from sylph_mp.control.protocol import Verb
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import SylphError
from sylph_mp.shm.segment import clear_left_over, segment_prefix
from tests.scenarios.traces import kill_all_of, marked, processes_of, traces

SYLPH = [sys.executable, "-m", "sylph_mp"]


class RunningFleet:
    """Starts in the constructor; `with` ends it, whatever happened."""

    command: Sequence[str] = (*SYLPH, "run")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = str(folder / "sylph.sock")
        self.log = folder / "log"
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=marked(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kill_all_of(self.folder)
        self.process.wait()
        clear_left_over(segment_prefix(self.socket))

    def processes(self) -> list[psutil.Process]:
        """Masters, forkservers and consumers, those of dead masters too."""
        return processes_of(self.folder)

    def consumers(self) -> list[int]:
        return [slot.pid for slot in self.look().slots if slot.pid is not None]

    def look(self) -> Snapshot:
        return look(self.socket)

    def tell(self, verb: Verb) -> str:
        return tell(self.socket, verb)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def until(self, seen: Callable[[], object], limit_s: float = 30) -> None:
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if seen():
                return
            assert self.process.poll() is None, f"sylph run has ended\n{self.log.read_text()}"
            time.sleep(0.05)
        raise AssertionError(f"not seen within {limit_s} s\n{self.log.read_text()[-6000:]}")

    def until_running(self, consumers: int, limit_s: float = 30) -> None:
        def running() -> bool:
            try:
                slots = self.look().slots
            except SylphError:
                return False
            return len(slots) == consumers and all(slot.state == "running" for slot in slots)

        self.until(running, limit_s)

    def stop(self, limit_s: float = 30) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(limit_s)

    def traces(self) -> list[str]:
        """What is left of it on the host."""
        return traces(self.folder, self.socket)
