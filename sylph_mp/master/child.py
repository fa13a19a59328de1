"""One consumer process, as the master knows it: what it was told, what it told, and how it ended.

Lives on the master's loop thread from the fork to the last frame on the pipe.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.frames import FrameError, FrameStream
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.fork_client import ForkClient, Process
from sylph_mp.pipe import (
    NEWS,
    Assign,
    Booted,
    CheckTransaction,
    Drain,
    Drained,
    News,
    Progress,
    Ready,
    ReceiptsWritten,
    Refused,
    Report,
    Spawn,
    Stuck,
    TopicReport,
)

#: What a dead consumer has written can be read at once; more waits only if something it started holds its pipe.
LAST_WORDS_S = 0.5
#: A consumer that takes this much less than the deadline need not be killed at it.
MARGIN_S = 0.5


class Child:
    def __init__(self, *, process: Process, stream: FrameStream[News], spawn: Spawn, clock: Clock) -> None:
        self.pid = process.pid
        self.config: Config = spawn.config
        self.forked_at = clock.monotonic()
        self.booted_at: float | None = None
        self.ready_at: float | None = None
        self.refused: Refused | None = None
        self.report: Report | None = None
        """The newest, completed with what was last told of the topics that it leaves out."""
        self.progress = Progress(running=0, queued=0, settled=0, handed_back=0)
        self.drained: Drained | None = None
        self.deadline: Deadline | None = None
        """By when it has to be gone; None unless it was told to stop."""
        self.killed_for: str | None = None
        """Why the master killed it."""
        self.ended = False
        self.exit_code: int | None = None
        """Once ended; None where nobody could tell."""
        self.stuck: Stuck | None = None
        """The handler call for which it has to be killed."""
        self.calls_begun = 0
        """Messages given to handlers, as of the newest report."""
        self._topics: dict[str, TopicReport] = {}
        self.handlers: Mapping[str, str] = {}
        self._checkers: dict[str, str] = {}
        self._process = process
        self._stream = stream
        self._clock = clock
        self._assigned: Assign | None = None
        self._life: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, forks: ForkClient, spawn: Spawn, *, clock: Clock, changed: Callable[["Child", News | None], None]
    ) -> "Child":
        """Fork it. `changed` is called with each of its news, and with None when it has ended. Raises ForkError."""
        ours, theirs = socket.socketpair()
        stream = await FrameStream.from_socket(ours, NEWS)
        stream.post(spawn)  # lies there when it begins, which need not wait for us then
        with theirs:
            try:
                process = await forks.fork(spawn.slot, theirs)
            except BaseException:
                await stream.close()
                raise
        child = cls(process=process, stream=stream, spawn=spawn, clock=clock)
        child._life = asyncio.create_task(child._live(changed))
        return child

    @property
    def booted(self) -> bool:
        """Its app is loaded."""
        return self.booted_at is not None

    @property
    def takes_work(self) -> bool:
        """Whether shards may be placed on it."""
        return self.booted and self.deadline is None and not self.ended

    @property
    def stuck_thread(self) -> int | None:
        """WorkerPool thread, from 1, that does not come back from its call."""
        return self.stuck.thread if self.stuck is not None else None

    def handler_of(self, topic: str) -> str:
        """The name of the function that handles a topic; the topic's own until it is known."""
        return self.handlers.get(topic, topic)

    def assign(self, assign: Assign) -> None:
        """Tell it, unless it knows."""
        if assign != self._assigned:
            self._assigned = assign
            self._stream.post(assign)

    @property
    def checkers(self) -> Mapping[str, str]:
        """Topic -> instance, of those whose transactions its app can check."""
        return self._checkers

    def tell(self, command: ReceiptsWritten | CheckTransaction) -> None:
        self._stream.post(command)

    def stop(self, deadline: Deadline) -> None:
        """Let it drain; it is to be killed at the deadline. An earlier deadline replaces a later one."""
        if self.deadline is None or deadline.at < self.deadline.at:
            self.deadline = deadline
            margin_s = min(MARGIN_S, 0.1 * deadline.left(self._clock))
            self._stream.post(Drain(until=deadline.at - margin_s))
        if not self.booted:
            self._process.signal(signal.SIGTERM)  # it holds nothing yet, and reads its pipe only when the app is loaded

    def ask_for_stacks(self) -> None:
        """What all its threads do goes to its file of stacks, even while C code holds its interpreter."""
        self._process.signal(signal.SIGUSR1)

    def kill(self, why: str) -> None:
        if self.killed_for is None:
            self.killed_for = why
        self._process.signal(signal.SIGKILL)

    async def gone(self) -> None:
        """Wait for its end."""
        if self._life is not None:
            await asyncio.shield(self._life)

    async def _live(self, changed: Callable[["Child", News | None], None]) -> None:
        listening = asyncio.create_task(self._listen(changed))
        self.exit_code = await asyncio.shield(self._process.ended)
        await asyncio.wait({listening}, timeout=LAST_WORDS_S)
        listening.cancel()
        await self._stream.close()
        self.ended = True
        changed(self, None)

    async def _listen(self, changed: Callable[["Child", News | None], None]) -> None:
        try:
            async for news in self._stream:
                self._take(news)
                changed(self, news)
        except FrameError as error:
            self.kill(f"no frame of ours came from it: {error}")

    def _completed(self, report: Report) -> Report:
        """The topics are the same object as before where none was told of."""
        if not report.topics and self.report is not None:
            return replace(report, topics=self.report.topics)
        self._topics |= {topic.topic: topic for topic in report.topics}
        self.calls_begun = sum(topic.counters["started"] for topic in self._topics.values())
        return replace(report, topics=tuple(self._topics.values()))

    def _take(self, news: News) -> None:
        match news:
            case Booted():
                self.handlers = news.handlers
                self._checkers = news.checkers
                self.booted_at = self._clock.monotonic()
            case Ready():
                self.ready_at = self._clock.monotonic()
            case Refused():
                self.refused = news
            case Report():
                self.report = self._completed(news)
            case Progress():
                self.progress = news
            case Stuck():
                self.stuck = news
            case Drained():
                self.drained = news
