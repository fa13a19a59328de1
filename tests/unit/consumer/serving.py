"""Plays the master for a consumer that runs in the test's loop, on a segment of its own, its session a fake."""

import asyncio
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from sylph_mp import logs
from sylph_mp.api import App
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Consumers, Control, Instance, Range, RetryPolicy, Topic
from sylph_mp.consumer import topology
from sylph_mp.consumer.flight_recorder import FlightRecorder
from sylph_mp.frames import FrameStream
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.pipe import COMMANDS, NEWS, Assign, Drain, Drained, Report, Shard, Spawn
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.recorder import RecorderWriter
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome, Table
from sylph_mp.testing.fake_clients import FakeClients
from sylph_mp.testing.fake_session import FakeReceived, FakeSession
from tests.unit.turns import turns

GEOMETRY = Geometry(topics=("orders",), entries=64, threads=4, arena_bytes=1 << 20)


class Running:
    """A consumer that runs in the test's loop, seen from the master's side."""

    def __init__(self, *, segment: Segment, clients: Any, master: FrameStream, config: Config) -> None:
        self.segment = segment
        self.clients = clients
        self.master = master
        self.config = config
        self.news: list[object] = []

    @property
    def session(self) -> FakeSession:
        session: FakeSession = self.clients.sessions["g"]
        return session

    def assign(self, *shards: Shard, threads: int = 4) -> None:
        self.master.post(Assign(shards=shards or (Shard("orders", 0),), threads=threads, log_level="error"))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await turns()  # what is waited for has no event of its own

    async def drain(self, seconds: float = 5.0) -> Drained:
        self.master.post(Drain(Deadline.after(seconds, SystemClock()).at))
        await self.until(lambda: any(isinstance(news, Drained) for news in self.news))
        return next(news for news in self.news if isinstance(news, Drained))

    async def listen(self) -> None:
        async for news in self.master:
            self.news.append(news)


def config_of(**topic: Any) -> Config:
    settings = {"retry": RetryPolicy(first_s=0.01, jitter=0)} | topic
    return Config(
        path="/config.toml",
        app="workers.orders:app",
        instances={"default": Instance(name="default", endpoints=("127.0.0.1:1",))},
        consumers=Consumers(processes=Range(1, 1), threads=Range(4, 4), in_flight=64, buffer=1 << 20),
        topics={"orders": Topic(name="orders", instance="default", group="g", **settings)},
        control=Control(socket="/s"),
    )


def play(
    app: App,
    story: Callable[[Running], Coroutine[Any, Any, None]],
    *,
    fifo: bool = False,
    left: Callable[[Segment], None] = lambda segment: None,
    **topic: Any,
) -> None:
    """Run a consumer with `app` while the story goes on; ends it by closing the master's side."""
    clients = FakeClients(fifo_groups=("g",) if fifo else ())

    async def opened(consumer: Running) -> None:
        await consumer.until(lambda: clients.sessions)
        await story(consumer)

    asyncio.run(serve(app, opened, config_of(**topic), clients=clients, left=left))


def parse(frame: bytes) -> FakeReceived:
    """Frames of these tests are `id/group/offset`."""
    message_id, group, offset = frame.decode().split("/")
    return FakeReceived(frame, message_id=message_id, group=group, offset=int(offset))


class Remains:
    """Writes entries as a predecessor would have."""

    def __init__(self, segment: Segment) -> None:
        self._table = Table(segment)
        self._arena = Arena(segment)
        self._index = 0

    def leave(
        self, frame: str, *, lease_s: float = 60, flags: int = 0, attempt: int = 1, received_ns: int | None = None
    ) -> int:
        """QUEUED; returns the entry."""
        at = self._arena.alloc(len(frame))
        assert at is not None
        self._arena.write(at, frame.encode())
        return self._put(at, len(frame), lease_s=lease_s, flags=flags, attempt=attempt, received_ns=received_ns)

    def unshared(self, *, flags: int, received_ns: int) -> int:
        """One whose frame was in the dead process's heap."""
        return self._put(0, 0, lease_s=60, flags=flags, attempt=1, received_ns=received_ns)

    def _put(self, at: int, length: int, *, lease_s: float, flags: int, attempt: int, received_ns: int | None) -> int:
        now = time.monotonic_ns()
        index, self._index = self._index, self._index + 1
        received_ns = now if received_ns is None else received_ns
        self._table.put(index, 0, attempt, 0, flags, at, length, now + int(lease_s * 1e9), received_ns)
        return index

    def run(self, index: int) -> None:
        self._table.start(index, 0, time.monotonic_ns())

    def done(self, index: int, outcome: EntryOutcome, after_ms: int = 0) -> None:
        self.run(index)
        self._table.finish(index, outcome, after_ms)


class Unlimited:
    """Rates of topics that have none."""

    any_limited = False

    def rate_per_s(self, topic: int) -> float:
        return 0.0

    def available(self, topic: int, now_ns: int) -> float:
        return float("inf")

    def take(self, topic: int, count: int) -> None:
        pass


async def serve(
    app: App,
    story: Callable[[Running], Coroutine[Any, Any, None]],
    config: Config,
    *,
    clients: Any,
    parse: Callable[[bytes], Any] = parse,
    left: Callable[[Segment], None] = lambda segment: None,
) -> None:
    """`left` puts into the segment what a dead predecessor held."""
    logs.configure(form="text", level="error")
    spawn = Spawn(
        slot=1,
        segment=f"sylph-test-{uuid.uuid4().hex[:8]}",
        config=config,
        master_pid=1,
        stacks="",
        rates="",
        rate_lines=dict.fromkeys(config.topics, 0),
        log_form="text",
    )
    segment = Segment.create(spawn.segment, slot=1, geometry=GEOMETRY, master_pid=1)
    left(segment)
    ours, theirs = socket.socketpair()
    stream = await FrameStream.from_socket(theirs, COMMANDS)
    master = await FrameStream.from_socket(ours, NEWS)
    running = Running(segment=segment, clients=clients, master=master, config=config)
    listening = asyncio.create_task(running.listen())

    async def work() -> None:
        drained = await topology.serve(
            spawn,
            segment=segment,
            flight_recorder=FlightRecorder(RecorderWriter(segment, os.getpid())),
            rates=Unlimited(),
            stream=stream,
            clients=clients,
            app=app,
            parse=parse,
            log=Log("slot 1"),
            title=lambda _: None,
        )
        stream.post(drained)

    serving = asyncio.create_task(work())
    try:
        await story(running)
    finally:
        await master.close()
        await asyncio.wait_for(serving, 40)
        listening.cancel()
        await stream.close()
        for thread in threading.enumerate():
            if thread.name.startswith("worker-"):
                thread.join(10)  # one that outlasted the drain still writes into the segment
        segment.close()
        segment.unlink()


def reports(consumer: Running) -> list[Report]:
    return [news for news in consumer.news if isinstance(news, Report)]


def messages(count: int, **fields: Any) -> list[FakeReceived]:
    return [FakeReceived(message_id=f"m{number}", offset=number, **fields) for number in range(count)]


def app_with(function: Callable[..., Any], **options: Any) -> App:
    app = App()
    app.handler("orders", **options)(function)
    return app
