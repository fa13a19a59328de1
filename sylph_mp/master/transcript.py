"""What `sylph run` says while it starts and stops: a line for each step on a terminal, two log lines anywhere else.

Runs on the master's loop thread.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from sylph_mp import __version__
from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config, Range
from sylph_mp.control.quantities import seconds, spaced
from sylph_mp.logs import Log
from sylph_mp.master.shutdown import Stopped

#: A step that is not done yet says so after these many seconds, and then each minute.
NOTICES_S = (2.0, 10.0)
MINUTE_S = 60.0


class Step:
    """One line of the start; the block that does the step fills in its text."""

    def __init__(self, waiting: str) -> None:
        self.text = ""
        self.waiting = waiting
        """What it waits for, should it take long."""


class Transcript(Protocol):
    def begin(self, *, version: str, config: str, groups: str) -> None: ...

    def line(self, name: str, text: str, took_s: float | None = None) -> None:
        """A step that is done."""
        ...

    def ready(self, took_s: float, *, consumers: int, topics: int, groups: str) -> None: ...
    def stopping(self, drain_s: float) -> None: ...
    def progress(self, after_s: float, text: str) -> None: ...
    def stopped(self, stopped: Stopped) -> None: ...


class Screen:
    """On a terminal; `write` takes a line, `log` is for who listens."""

    def __init__(self, write: Callable[[str], None], *, log: Log) -> None:
        self._write = write
        self._log = log

    def begin(self, *, version: str, config: str, groups: str) -> None:
        self._write(f"sylph {version}, {config}, {groups}")

    def line(self, name: str, text: str, took_s: float | None = None) -> None:
        took = "" if took_s is None else _took(took_s)
        line = f"  {name:<11}{text:<60}{took:>7}" if len(text) < 60 else f"  {name:<11}{text}  {took}"
        self._write(line.rstrip())

    def ready(self, took_s: float, *, consumers: int, topics: int, groups: str) -> None:
        self._write(f"ready in {took_s:.1f} s. Look: sylph status. Stop: Ctrl-C.")
        self._log.aside("ready", _ready(took_s, consumers), topics=topics, group=groups)

    def stopping(self, drain_s: float) -> None:
        self._write(f"stopping: no new deliveries, {drain_s:g} s to finish; Ctrl-C again kills")

    def progress(self, after_s: float, text: str) -> None:
        self._write(f"{after_s:6.1f} s  {text}")

    def stopped(self, stopped: Stopped) -> None:
        self._write(stopped.sentence)
        self._log.aside("stopped", stopped.sentence, **_figures(stopped))


class LogLines:
    """Off a terminal: no banner in log stores."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def begin(self, *, version: str, config: str, groups: str) -> None:
        self._log.debug("begin", f"sylph {version}, {config}, {groups}")

    def line(self, name: str, text: str, took_s: float | None = None) -> None:
        self._log.debug(name, text)

    def ready(self, took_s: float, *, consumers: int, topics: int, groups: str) -> None:
        self._log.info("ready", _ready(took_s, consumers), topics=topics, group=groups)

    def stopping(self, drain_s: float) -> None:
        self._log.debug("stopping", f"no new deliveries, {drain_s:g} s to finish")

    def progress(self, after_s: float, text: str) -> None:
        self._log.debug("stopping", text)

    def stopped(self, stopped: Stopped) -> None:
        self._log.info("stopped", stopped.sentence, **_figures(stopped))


def _figures(stopped: Stopped) -> dict[str, float]:
    tally, took_s = stopped.tally, round(stopped.took_s, 1)
    return {"settled": tally.settled, "handed_back": tally.handed_back, "left": tally.left, "took_s": took_s}


def open_transcript(transcript: Transcript, config: Config, *, took_s: float) -> None:
    """The first two lines; `took_s` is what reading the configuration took."""
    groups = groups_of(config)
    named = f"groups {groups}" if "," in groups else f"group {groups}"
    transcript.begin(version=__version__, config=Path(config.path).name, groups=named)
    transcript.line("config", _summary(config), took_s)


@asynccontextmanager
async def step(transcript: Transcript, name: str, *, clock: Clock, waiting: str = "") -> AsyncIterator[Step]:
    """Print the step's line when the block is done, and what it waits for while it is not."""
    begun = clock.monotonic()
    current = Step(waiting)
    noticing = asyncio.create_task(_notice(transcript, name, current))
    try:
        yield current
    finally:
        noticing.cancel()
    transcript.line(name, current.text, clock.monotonic() - begun)


async def _notice(transcript: Transcript, name: str, current: Step) -> None:
    last_s = 0.0
    for at_s in notice_times():
        await asyncio.sleep(at_s - last_s)
        last_s = at_s
        transcript.line(name, f"{current.waiting} for {spaced(seconds(at_s))}")


def notice_times() -> Iterator[float]:
    """2 s, 10 s, 1 min, 2 min, …"""
    yield from NOTICES_S
    yield from itertools.count(MINUTE_S, MINUTE_S)


def groups_of(config: Config) -> str:
    """`orders-service`, or several"""
    return ", ".join(dict.fromkeys(topic.group for topic in config.topics.values()))


def _summary(config: Config) -> str:
    """`3 topics, 2 to 4 consumers, 8 threads each`"""
    consumers = config.consumers
    topics, processes = _plural(len(config.topics), "topic"), _between(consumers.processes, "consumer")
    return f"{topics}, {processes}, {_between(consumers.threads, 'thread')} each"


def _ready(took_s: float, consumers: int) -> str:
    return f"{_plural(consumers, 'consumer')} in {took_s:.1f} s"


def _between(both: Range, noun: str) -> str:
    """`2 to 4 consumers`"""
    most = _plural(both.max, noun)
    return most if both.min == both.max else f"{both.min} to {most}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _took(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
