"""What benchmarks share: a fleet in a folder of its own, messages whose first 8 bytes are their number, CPU time."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from benchmarks.progress import Sample, each
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.control.client import look
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import SylphError
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
[consumers]
group = "{group}"
processes = {processes}
threads = {threads}
buffer = "4 MiB"
{consumers}
[topics.{topic}]
shards = {shards}
"""

BATCH = 200
#: Of one request, so that large messages are in smaller batches; a proxy takes 4 MiB.
REQUEST_BYTES = 2 << 20
BOOT_S = 120.0


class Fleet:
    """`sylph run`; ends with the `with`."""

    def __init__(
        self,
        folder: Path,
        *,
        app: str,
        endpoint: str,
        topic: str,
        group: str,
        processes: int | str,
        threads: int | str,
        shards: int,
        consumers: str = "",
        more: str = "",
    ) -> None:
        """`app` is the handler file's text; {folder} and {topic} in it are filled in. Numbers may be tables of TOML.

        `consumers` are further keys of that table, `more` is what the configuration has besides: further topics.
        """
        config = CONFIG.format(
            endpoint=endpoint,
            topic=topic,
            group=group,
            processes=processes,
            threads=threads,
            shards=shards,
            consumers=consumers,
        )
        (folder / "config.toml").write_text(config + more)
        (folder / "app.py").write_text(app.replace("{folder}", str(folder)).replace("{topic}", topic))
        self.socket = str(folder / "sylph.sock")
        self._folder = folder

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sylph_mp", "run"], cwd=self._folder, stderr=subprocess.DEVNULL
        )
        self.master = psutil.Process(self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.stop()

    def stop(self, limit_s: float = 60) -> int:
        """SIGTERM, and the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(limit_s)

    def look(self) -> Snapshot | None:
        """None while there is no answer."""
        try:
            return look(self.socket)
        except SylphError:
            return None

    def until_running(self) -> Snapshot:
        """Raises TimeoutError."""
        end = time.monotonic() + BOOT_S
        while time.monotonic() < end:
            seen = self.look()
            if seen and seen.slots and all(slot.state == "running" for slot in seen.slots):
                return seen
            time.sleep(0.02)
        raise TimeoutError(f"the fleet was not ready within {BOOT_S:.0f} s")

    def samples(self) -> Iterator[Sample]:
        """What it has acked, of all topics; as soon as it answers. Seldom, since looking is CPU time of the master."""
        for _ in each(0.5):
            if seen := self.look():
                cpu_s = self.cpu_s()
                yield Sample(time.monotonic(), sum(topic.acked for topic in seen.topics), cpu_s)

    def processes(self) -> list[psutil.Process]:
        """The master and all that it started."""
        return [self.master, *self.master.children(recursive=True)]

    def cpu_s(self) -> float:
        return sum(cpu_s(process) for process in self.processes())


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def numbered(number: int, size: int) -> bytes:
    """A body: its number and the time, u64 each, in nanoseconds since 1970, then dots."""
    return (number.to_bytes(8, "big") + time.time_ns().to_bytes(8, "big")).ljust(size, b".")[:size]


@contextmanager
def beside(send: Callable[[threading.Event], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Run a coroutine beside the body, in a loop and a thread of its own; it is to end when the event is set."""
    ending = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(send(ending)))
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


async def store(endpoint: str, topic: str, count: int, size: int, body: Callable[[int, int], bytes] = numbered) -> None:
    """Store messages; `body(number, size)` makes them."""
    instance = Instance(name="default", endpoints=(endpoint,), request_timeout_s=20)
    calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())
    encoder = Encoder(instance.namespace, Limits())
    try:
        batch = max(1, min(BATCH, REQUEST_BYTES // size))
        for start in range(0, count, batch):
            bodies = [body(number, size) for number in range(start, min(count, start + batch))]
            parts = [encoder.encode(Outgoing(topic=topic, payload=body), time.time()).part for body in bodies]
            await calls.send(b"".join(parts))
    finally:
        calls.close()
