"""Collects the deliveries of a batch handler until a batch is full or has waited long enough. On the loop thread."""

import asyncio
from collections.abc import Callable

from sylph_mp.consumer.delivery import Delivery


class Batching:
    """For one topic; `emit` gets each batch."""

    def __init__(self, *, size: int, wait_s: float, emit: Callable[[list[Delivery]], None]) -> None:
        self._size = size
        self._wait_s = wait_s
        self._emit = emit
        self._waiting: list[Delivery] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deliveries: list[Delivery]) -> None:
        self._waiting.extend(deliveries)
        while len(self._waiting) >= self._size:
            batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            self._emit(batch)
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait_s, self._waited)

    def withdraw(self) -> list[Delivery]:
        taken, self._waiting = self._waiting, []
        return taken

    def _waited(self) -> None:
        self._timer = None
        if self._waiting:
            self._emit(self.withdraw())
