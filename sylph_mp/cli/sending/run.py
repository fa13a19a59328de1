"""Sends the lines of one source to one topic: wires reader, feed, publisher and screen, and stops them in reverse.

On a loop of its own, in the command's process.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop
from msgspec import Struct
from msgspec.structs import replace

from sylph_mp.cli.screens.sending import Going
from sylph_mp.cli.sending.failures import Failure, Failures
from sylph_mp.cli.sending.feed import Feed
from sylph_mp.cli.sending.ledger import Ledger
from sylph_mp.cli.sending.lines import Line, LineCount, lines_of
from sylph_mp.cli.sending.metronome import Metronome
from sylph_mp.cli.sending.progress import Progress
from sylph_mp.cli.sending.stencil import Stencil
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance, Producers
from sylph_mp.errors import BrokerError, Problem, StatusError, SylphError
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.producer.publisher import Publisher
from sylph_mp.rocketmq.status import Code

#: What is under way at most: enough for the quickest broker, and sent soon when the user ends it.
_QUEUE = 20_000
_QUEUE_BYTES = 32 << 20


class Order(Struct, frozen=True, kw_only=True):
    """What is to be sent, and how."""

    instance: Instance
    settings: Producers
    stencil: Stencil
    source: str
    """Name of the file; how the one message was given."""
    file: int | None
    """Descriptor of the lines."""
    body: bytes
    """The one message, where there is no file."""
    skip: int
    per_s: float
    """0: as fast as it goes."""
    failed: Path | None

    @property
    def broker(self) -> str:
        return f"broker {self.instance.endpoints[0]}"

    def place(self, line: Line) -> str:
        """`orders.jsonl:17`"""
        return self.source if self.file is None else f"{self.source}:{line.number}"


class Result(Struct, frozen=True, kw_only=True):
    ledger: Ledger
    ended: bool
    total: int | None
    """Messages of the source; None where that is not known."""
    took_s: float
    first_failures: list[Failure]
    error: SylphError | None
    """Why it did not come to its end, or that something besides failed."""


def send_all(order: Order) -> Result:
    """Raises UsageError if the file for what failed cannot be written."""
    return uvloop.run(_send_all(order))


async def _send_all(order: Order) -> Result:
    return await Sending(order).run()


class Sending:
    """All parts, made on the loop; `run` once."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._clock = SystemClock()
        self._began = self._clock.monotonic()
        self._seen = 0
        self._count = None if order.file is None else LineCount(order.file)
        self._progress = Progress(sys.stderr, look=self._look, clock=self._clock)
        self._failures = Failures(place=order.place, say=self._progress.say, keep_in=order.failed)
        changed = asyncio.Event()
        self._ledger = Ledger(skip=order.skip, on_change=changed.set, on_failure=self._failures.take)
        self._encoder = Encoder(order.instance.namespace, Limits())
        settings = replace(order.settings, queue=_QUEUE, queue_bytes=_QUEUE_BYTES)
        self._publisher = Publisher(order.instance, settings, clock=self._clock, on_limits=self._set_limits)
        self._feed = Feed(
            self._publisher,
            message_of=order.stencil.of_line if order.file is not None else order.stencil.of_body,
            encode=lambda outgoing: self._encoder.encode(outgoing, self._clock.time()),
            ledger=self._ledger,
            changed=changed,
            metronome=Metronome(order.per_s),
            clock=self._clock,
            skip=order.skip,
        )

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._feed.stop)
        showing = loop.create_task(self._progress.run())
        ended, error = False, None
        try:
            ended = await self._feed.run(_blocks(self._order), ready=self._ready)
        except SylphError as failed:
            error = failed
        finally:
            showing.cancel()
            self._failures.close()
        if self._ledger.settled:
            self._progress.end()
        else:
            self._progress.clear()
        return Result(
            ledger=self._ledger,
            ended=ended,
            total=self._total,
            took_s=self._clock.monotonic() - self._began,
            first_failures=self._failures.first,
            error=error or self._away() or self._failures.broken,
        )

    async def _ready(self) -> None:
        """Raises BrokerError: nobody waits at a terminal for a broker that is not there."""
        topic = self._order.stencil.topic
        try:
            await self._publisher.session(topic)
        except BrokerError as error:
            problem = _problem(self._order.broker, topic, error)
            raise BrokerError("nothing was sent", problems=(problem,)) from error

    def _away(self) -> BrokerError | None:
        away = self._ledger.away
        if away is None:
            return None
        return BrokerError(f"{self._order.broker} was away for {self._order.settings.give_up_s:g} s: {away}")

    @property
    def _total(self) -> int | None:
        if self._count is None:
            return 1
        return None if self._count.lines is None else self._ledger.of(self._count.lines)

    def _look(self) -> Going:
        going = Going(
            topic=self._order.stencil.topic,
            settled=self._ledger.settled,
            total=self._total,
            rate_per_s=0.0,
            failed=self._ledger.failed,
            note="stopping" if self._feed.is_stopping else self._why_still(),
        )
        self._seen = going.settled
        return going

    def _why_still(self) -> str:
        """Why nothing was settled since the last look, if a broker is the reason."""
        if self._ledger.settled > self._seen or not self._ledger.under_way:
            return ""
        return next((f"waits: {row.error}" for row in self._publisher.snapshot() if row.error is not None), "")

    def _set_limits(self, limits: Limits) -> None:
        self._encoder.limits = limits


async def _blocks(order: Order) -> AsyncIterator[list[Line]]:
    if order.file is None:
        yield [Line(1, order.body)]
        return
    async for block in lines_of(order.file):
        yield block


def _problem(broker: str, topic: str, error: BrokerError) -> Problem:
    if isinstance(error, StatusError) and error.code == Code.TOPIC_NOT_FOUND:
        return Problem(
            place=broker,
            what=f'it has no topic "{topic}" ({error.code})',
            why="the broker makes no topics by itself for this protocol",
            fix=f"mqadmin updateTopic -n NAMESRV:9876 -c CLUSTER -t {topic}",
        )
    return Problem(place=broker, what=str(error), fix="start its proxy, or name another address: --instance, --config")
