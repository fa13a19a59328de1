"""Sends while the broker comes and goes, and notes what was stored for certain. On a thread and loop of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple, Self

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerError
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id
from tests.chaos.records import Sent, group_of
from tests.scenarios.real_fleet import request

RETRY_S = 1.0
BODY_BYTES = 256


class Stream(NamedTuple):
    """What goes to one topic."""

    topic: str
    groups: int
    """Message groups; 0 for a topic without."""
    batch: int
    every_s: float


class Load:
    """Runs from `with` on until `end`."""

    def __init__(self, endpoint: str, streams: Sequence[Stream]) -> None:
        self.sent: list[Sent] = []
        self.unsure = 0
        """Messages whose sending failed: the broker may have them or not."""
        self._endpoint = endpoint
        self._streams = streams
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()

    async def _run(self) -> None:
        instance = Instance(name="default", endpoints=(self._endpoint,))
        calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())
        try:
            await asyncio.gather(*(self._send(calls, stream) for stream in self._streams))
        finally:
            calls.close()

    async def _send(self, calls: Calls, stream: Stream) -> None:
        encoder = Encoder("", Limits())
        in_group: Callable[[str], str] | None = group_of if stream.groups else None
        numbers = count()
        while not self._ending.is_set():
            texts = [_text(next(numbers), stream.groups) for _ in range(stream.batch)]
            try:
                await calls.send(request(stream.topic, texts, encoder, group_of=in_group, size=BODY_BYTES))
            except BrokerError:
                self.unsure += len(texts)
                await asyncio.sleep(RETRY_S)
            else:
                now = time.monotonic()
                self.sent += [Sent(text, now) for text in texts]
                await asyncio.sleep(stream.every_s)


def _text(number: int, groups: int) -> str:
    return f"g{number % groups}-{number // groups}" if groups else f"n-{number}"
