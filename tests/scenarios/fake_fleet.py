"""A master in a process of its own, with fake consumers and a broker that knows everything; and a test's grip on it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import psutil

from sylph_mp.config.load import load
from sylph_mp.config.schema import Instance
from sylph_mp.control.client import look, tell
from sylph_mp.control.protocol import Verb
from sylph_mp.control.status import SlotStatus, Snapshot
from sylph_mp.errors import NoMasterError, SylphError
from sylph_mp.logs import Log
from sylph_mp.master.broker_check import Answer
from sylph_mp.master.main import run
from sylph_mp.master.options import Options
from sylph_mp.master.transcript import LogLines
from sylph_mp.shm.segment import clear_left_over, segment_prefix
from tests.scenarios.traces import kill_all_of, marked, processes_of, traces

ROOT = Path(__file__).parents[2]
ENTRY = "tests.scenarios.fake_consumer:run"

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "127.0.0.1:1"
[consumers]
group = "fleet"
processes = {{ min = {min}, max = {max} }}
threads = 2
buffer = "{buffer}"
drain_s = {drain_s}
boot_s = {boot_s}
[topics.orders]
shards = 4
[topics.refunds]
shards = 2
"""


class FakeFleet:
    """Starts in the constructor; `with` ends it, whatever happened."""

    def __init__(
        self,
        folder: Path,
        *,
        least: int = 2,
        most: int = 4,
        drain_s: float = 5,
        boot_s: float = 20,
        behaviour: str = "",
    ) -> None:
        self.folder = folder
        self.settings = {"min": least, "max": most, "drain_s": drain_s, "boot_s": boot_s, "buffer": "1 MiB"}
        self.socket = str(folder / "sylph.sock")
        self.log = folder / "log"
        self.behave(behaviour)
        self.configure()
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.scenarios.fake_fleet", str(self.folder)],
                cwd=ROOT,
                env=marked(self.folder) | {"PYTHONPATH": str(ROOT)},
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kill_all_of(self.folder)
        self.process.kill()
        self.process.wait()
        clear_left_over(segment_prefix(self.socket))

    def configure(self, **settings: object) -> None:
        self.settings |= settings
        (self.folder / "config.toml").write_text(CONFIG.format(**self.settings))

    def behave(self, behaviour: str) -> None:
        (self.folder / "behaviour").write_text(behaviour)

    def tell(self, verb: Verb) -> str:
        return tell(self.socket, verb)

    def look(self) -> Snapshot:
        return look(self.socket)

    def slots(self) -> dict[int, SlotStatus]:
        return {slot.slot: slot for slot in self.look().slots}

    def until_running(self, *numbers: int) -> dict[int, SlotStatus]:
        """Wait until exactly these slots are there, and running."""
        return self.until(lambda slots: slots.keys() == {*numbers} and {s.state for s in slots.values()} == {"running"})

    def until(self, seen: Callable[[dict[int, SlotStatus]], bool], limit_s: float = 30) -> dict[int, SlotStatus]:
        end = time.monotonic() + limit_s
        slots: dict[int, SlotStatus] = {}
        while time.monotonic() < end and self.process.poll() is None:
            try:
                slots = self.slots()
            except NoMasterError:
                pass
            else:
                if seen(slots):
                    return slots
            time.sleep(0.02)
        raise AssertionError(f"not seen within {limit_s} s; last: {slots}\n{self.log.read_text()}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, limit_s: float = 30) -> int:
        return self.process.wait(limit_s)

    def processes(self) -> list[psutil.Process]:
        """All that came of this master and are alive, even if it is gone."""
        return processes_of(self.folder)

    def traces(self) -> list[str]:
        """What is left of it on the host."""
        return traces(self.folder, self.socket)

    def until_no_processes(self, limit_s: float = 10) -> None:
        end = time.monotonic() + limit_s
        while self.processes() and time.monotonic() < end:
            time.sleep(0.05)
        assert self.processes() == []


async def all_known(_: Instance, topics: Sequence[str], groups: Sequence[str]) -> list[Answer]:
    return [Answer(kind="topic", name=name, state="ok") for name in topics] + [
        Answer(kind="group", name=name, state="ok") for name in groups
    ]


def main(folder: Path) -> int:

    def read(live):
        return load(folder / "config.toml", environ={}, overrides=live)

    options = Options(
        log_form="text",
        stacks=sys.stderr,
        screen=lambda snapshot: snapshot.sentence,
        entry=ENTRY,
        ask=all_known,
    )
    try:
        return run(read({}), load=read, transcript=LogLines(Log("master")), options=options)
    except SylphError as error:
        Log("master").error("failed", str(error))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
