"""`sylph run` against a broker, with handlers that write into files what they did, and a sender.

The files are the ledger: what a handler wrote counts, not what any part of the runtime says about itself.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgspec

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id
from tests.scenarios.running_fleet import RunningFleet

#: Each call is one line: the body's text, process and thread, when it began and ended.
APP = """\
import os
import threading
import time
from sylph_mp import App, Context

app = App()
ledger = os.open(f"{folder}/handled-{{os.getpid()}}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@app.handler("{topic}")
{define} handle(body: bytes, ctx: Context) -> None:
    began = time.monotonic()
    text = body.rstrip(b".").decode()
    {work}
    who = f"{{os.getpid()}} {{threading.get_ident()}}"
    os.write(ledger, f"{{text}} {{who}} {{began:.6f}} {{time.monotonic():.6f}}\\n".encode())
"""

#: How often a flow sends.
FLOW_STEP_S = 0.1

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
metrics = "{metrics}"
[consumers]
group = "{group}"
processes = {{ min = {least}, max = {most} }}
threads = {threads}
buffer = "{buffer}"
drain_s = {drain_s}
lease_s = {lease_s}
[topics.{topic}]
shards = {shards}
time_limit_s = {time_limit_s}
"""


class Handled:
    """One line of the ledger."""

    def __init__(self, line: str) -> None:
        self.text, pid, thread, began, ended = line.split()
        self.pid, self.thread = int(pid), int(thread)
        self.began, self.ended = float(began), float(ended)


class RealFleet(RunningFleet):
    """One topic, handled by the app above."""

    def __init__(
        self,
        folder: Path,
        *,
        endpoint: str,
        topic: str,
        group: str,
        processes: tuple[int, int] = (2, 4),
        threads: int = 8,
        buffer: str = "16 MiB",
        shards: int = 4,
        drain_s: float = 15,
        lease_s: int = 30,
        time_limit_s: float = 30,
        is_async: bool = False,
        metrics: str = "",
        work: str = "pass",
    ) -> None:
        self.topic = topic
        self.endpoint = endpoint
        (folder / "app.py").write_text(
            APP.format(define="async def" if is_async else "def", folder=folder, topic=topic, work=work)
        )
        least, most = processes
        settings = {"threads": threads, "shards": shards, "drain_s": drain_s, "lease_s": lease_s}
        settings |= {"time_limit_s": time_limit_s}
        names = {"endpoint": endpoint, "group": group, "topic": topic, "metrics": metrics, "buffer": buffer}
        config = CONFIG.format(least=least, most=most, **names, **settings)
        (folder / "config.toml").write_text(config)
        self._handled: list[Handled] = []
        self._read: dict[Path, int] = {}
        super().__init__(folder)

    def until_handled(self, count: int, limit_s: float = 60) -> None:
        """Wait for that many different messages."""
        try:
            self.until(lambda: len(self.times_handled()) >= count, limit_s)
        except AssertionError as error:
            topics = msgspec.json.encode(self.look().topics).decode()
            raise AssertionError(f"{len(self.times_handled())} of {count} were handled; {topics}") from error

    def ledger(self) -> list[Handled]:
        """All calls that ended, by when they began."""
        for path in self.folder.glob("handled-*"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                # A line that crosses a page may be seen in part while it is written: the rest comes with the next look.
                whole, end, _ = file.read().rpartition(b"\n")
            self._read[path] = self._read.get(path, 0) + len(whole) + len(end)
            self._handled += [Handled(line) for line in whole.decode().splitlines()]
        return sorted(self._handled, key=lambda handled: handled.began)

    def times_handled(self) -> Counter[str]:
        self.ledger()
        return Counter(handled.text for handled in self._handled)


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
    encoder = Encoder(instance.namespace, Limits())
    waiting = list(texts)
    step = 100 if group_of is None else 1
    try:
        for start in range(0, len(waiting), step):
            part = waiting[start : start + step]
            await calls.send(request(topic, part, encoder, group_of=group_of, size=size))
            await asyncio.sleep(pause_s)
    finally:
        calls.close()


def group_of(text: str) -> str:
    """The message group of `GROUP-NUMBER`."""
    return text.partition("-")[0]


@contextmanager
def flow(
    endpoint: str, topic: str, texts: Sequence[str], *, per_s: float, group_of: Callable[[str], str] | None = None
) -> Iterator[None]:
    """Send so many a second, evenly, beside the body; all are sent when it is left."""
    sending = threading.Thread(
        target=lambda: asyncio.run(_flow(endpoint, topic, texts, per_s=per_s, group_of=group_of)), name="flow"
    )
    sending.start()
    try:
        yield
    finally:
        sending.join()


async def _flow(
    endpoint: str, topic: str, texts: Sequence[str], *, per_s: float, group_of: Callable[[str], str] | None
) -> None:
    instance = Instance(name="default", endpoints=(endpoint,))
    calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())
    encoder = Encoder(instance.namespace, Limits())
    began, each = time.monotonic(), max(1, round(per_s * FLOW_STEP_S))
    try:
        for at in range(0, len(texts), each):
            part = texts[at : at + each]
            for some in [part] if group_of is None else [[text] for text in part]:
                await calls.send(request(topic, some, encoder, group_of=group_of, size=200))
            await asyncio.sleep(max(0.0, began + (at + each) / per_s - time.monotonic()))
    finally:
        calls.close()


def request(
    topic: str, texts: Sequence[str], encoder: Encoder, *, group_of: Callable[[str], str] | None, size: int
) -> bytes:
    """A request to store them."""
    bodies = [text.encode().ljust(size, b".") for text in texts]
    groups = [None if group_of is None else group_of(text) for text in texts]
    messages = [Outgoing(topic=topic, payload=body, group=group) for body, group in zip(bodies, groups, strict=True)]
    return b"".join(encoder.encode(message, time.time()).part for message in messages)


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
