"""Lets what is due on the loop happen: turns of the loop, and no time."""

import asyncio
from collections.abc import Callable, Generator

#: More than anything takes that needs no time.
MOST = 2000


class _Turn:
    def __await__(self) -> Generator[None]:
        yield


async def turns(count: int = 1) -> None:
    for _ in range(count):
        await _Turn()


async def turns_until(condition: Callable[[], object], said: Callable[[], object]) -> None:
    """Raises AssertionError with what `said` says if that takes time after all."""
    for _ in range(MOST):
        if condition():
            return
        await turns()
    raise AssertionError(said())


async def timers() -> None:
    """Those that are due now have fired: a later one of the same time is behind them."""
    fired = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0, fired.set_result, None)
    await fired
