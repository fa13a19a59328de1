"""Sessions by key, each opened at the first demand and shared from then on. On the loop thread."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from msgspec import Struct

K = TypeVar("K", bound=Hashable)
S = TypeVar("S")


class PoolCounts(Struct, frozen=True):
    opened: int
    reused: int
    open_now: int


class KeyedPool(Generic[K, S]):
    """A lock for each key: callers of one key wait for one opening, others do not wait for it."""

    def __init__(self, *, start: Callable[[K], Awaitable[S]], stop: Callable[[S], Awaitable[None]]) -> None:
        self._start = start
        self._stop = stop
        self._open: dict[K, S] = {}
        self._locks: dict[K, asyncio.Lock] = {}
        self._opened = 0
        self._reused = 0

    @property
    def counts(self) -> PoolCounts:
        return PoolCounts(self._opened, self._reused, len(self._open))

    def keys(self) -> set[K]:
        """Of the sessions that are open."""
        return set(self._open)

    async def open(self, key: K) -> S:
        """Raises what `start` raises; the next call tries again."""
        if key in self._open:
            self._reused += 1
            return self._open[key]
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key in self._open:
                self._reused += 1
            else:
                self._open[key] = await self._start(key)
                self._opened += 1
            return self._open[key]

    async def discard(self, key: K) -> None:
        """Stop the session of a key, so that the next call opens another."""
        session = self._open.pop(key, None)
        if session is not None:
            await self._stop(session)

    async def close(self) -> None:
        """Stop all sessions, the last opened first."""
        while self._open:
            _, session = self._open.popitem()
            await self._stop(session)
