"""`sylph run` against a broker, with handlers that write into files what they did, and a sender.

The files are the ledger: what a handler wrote counts, not what any part of the runtime says about itself.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import psutil
from rocketmq.grpc_protocol import definition_pb2
from rocketmq.v5.util import MessageIdCodec

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.control.client import look, tell
from sylph_mp.control.protocol import Verb
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import SylphError
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id
from sylph_mp.shm.segment import SHM_FOLDER, clear_left_over, segment_prefix

SYLPH = [sys.executable, "-m", "sylph_mp"]

#: Each call is one line: the body's text, the process, when it began and ended.
APP = """\
import os
import time
from sylph_mp import App, Context

app = App()
ledger = os.open(f"{folder}/handled-{{os.getpid()}}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@app.handler("{topic}")
{define} handle(body: bytes, ctx: Context) -> None:
    began = time.monotonic()
    text = body.rstrip(b".").decode()
    {work}
    os.write(ledger, f"{{text}} {{os.getpid()}} {{began:.6f}} {{time.monotonic():.6f}}\\n".encode())
"""

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
[consumers]
group = "{group}"
processes = {{ min = {least}, max = {most} }}
threads = {threads}
drain_s = {drain_s}
lease_s = {lease_s}
[topics.{topic}]
shards = {shards}
time_limit_s = {time_limit_s}
"""


class Handled:
    """One line of the ledger."""

    def __init__(self, line: str) -> None:
        self.text, pid, began, ended = line.split()
        self.pid = int(pid)
        self.began, self.ended = float(began), float(ended)


class RealFleet:
    """Starts in the constructor; `with` ends it, whatever happened."""

    def __init__(
        self,
        folder: Path,
        *,
        endpoint: str,
        topic: str,
        group: str,
        processes: tuple[int, int] = (2, 4),
        threads: int = 8,
        shards: int = 4,
        drain_s: float = 15,
        lease_s: int = 30,
        time_limit_s: float = 30,
        is_async: bool = False,
        work: str = "pass",
    ) -> None:
        self.folder = folder
        self.topic = topic
        self.endpoint = endpoint
        self.socket = str(folder / "sylph.sock")
        (folder / "app.py").write_text(
            APP.format(define="async def" if is_async else "def", folder=folder, topic=topic, work=work)
        )
        least, most = processes
        settings = {"threads": threads, "shards": shards, "drain_s": drain_s, "lease_s": lease_s}
        settings |= {"time_limit_s": time_limit_s}
        config = CONFIG.format(endpoint=endpoint, group=group, topic=topic, least=least, most=most, **settings)
        (folder / "config.toml").write_text(config)
        self.log = folder / "log"
        self._handled: list[Handled] = []
        self._read: dict[Path, int] = {}
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*SYLPH, "run"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        processes = self.processes()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, 5)
        self.process.wait()
        clear_left_over(segment_prefix(self.socket))

    def processes(self) -> list[psutil.Process]:
        """Master, forkserver and consumers."""
        try:
            master = psutil.Process(self.process.pid)
            return [master, *master.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

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

    def until_handled(self, count: int, limit_s: float = 60) -> None:
        """Wait for that many different messages."""
        self.until(lambda: len(self.times_handled()) >= count, limit_s)

    def stop(self, limit_s: float = 30) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(limit_s)

    def ledger(self) -> list[Handled]:
        """All calls that ended, by when they began."""
        for path in self.folder.glob("handled-*"):
            with path.open() as file:
                file.seek(self._read.get(path, 0))
                lines = file.readlines()
                self._read[path] = file.tell()
            self._handled += [Handled(line) for line in lines]
        return sorted(self._handled, key=lambda handled: handled.began)

    def times_handled(self) -> Counter[str]:
        self.ledger()
        return Counter(handled.text for handled in self._handled)

    def traces(self) -> list[str]:
        """What is left of it on the host."""
        segments = [name for name in os.listdir(SHM_FOLDER) if name.startswith(segment_prefix(self.socket))]
        return [*segments, *([self.socket] if os.path.exists(self.socket) else [])]


def send(
    endpoint: str, topic: str, texts: Iterable[str], *, group_of: Callable[[str], str] | None = None, size: int = 1024
) -> None:
    """Store messages whose bodies are the texts, padded; in batches, or one by one if they have message groups."""
    asyncio.run(send_async(endpoint, topic, texts, group_of=group_of, size=size))


async def send_async(
    endpoint: str,
    topic: str,
    texts: Iterable[str],
    *,
    group_of: Callable[[str], str] | None = None,
    size: int = 1024,
    pause_s: float = 0.0,
) -> None:
    instance = Instance(name="default", endpoints=(endpoint,))
    calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())
    codec = MessageIdCodec()
    waiting = list(texts)
    step = 100 if group_of is None else 1
    try:
        for start in range(0, len(waiting), step):
            part = waiting[start : start + step]
            await calls.send([_message(topic, text, codec, group_of, size) for text in part])
            await asyncio.sleep(pause_s)
    finally:
        calls.close()


def _message(
    topic: str, text: str, codec: Any, group_of: Callable[[str], str] | None, size: int
) -> definition_pb2.Message:
    message = definition_pb2.Message(body=text.encode().ljust(size, b"."))
    message.topic.name = topic
    system = message.system_properties
    system.message_id = codec.next_message_id()
    system.message_type = definition_pb2.NORMAL
    system.body_encoding = definition_pb2.IDENTITY
    system.born_timestamp.GetCurrentTime()
    system.born_host = "127.0.0.1"
    if group_of is not None:
        system.message_type = definition_pb2.FIFO
        system.message_group = group_of(text)
    return message


def assert_each_once(times: Counter[str], texts: Sequence[str]) -> None:
    lost = [text for text in texts if text not in times]
    twice = {text: count for text, count in times.items() if count > 1}
    assert not lost, f"{len(lost)} lost, such as {lost[:5]}"
    assert not twice, f"{len(twice)} handled more than once, such as {list(twice.items())[:5]}"


def assert_ordered(ledger: Sequence[Handled], group_of: Callable[[str], str]) -> None:
    """In every group each call began after the one before it ended, in the order of sending."""
    groups: dict[str, list[Handled]] = {}
    for handled in ledger:
        groups.setdefault(group_of(handled.text), []).append(handled)
    for group, calls in groups.items():
        numbers = [int(handled.text.rpartition("-")[2]) for handled in calls]
        assert numbers == sorted(numbers), f"group {group}: {numbers}"
        for before, after in pairwise(calls):
            assert before.ended <= after.began, f"group {group}: {before.text} and {after.text} overlap"
