"""An embedded broker on a loop thread of its own, for tests that look into it and switch faults on.

The calling thread may be any; what touches the broker is handed to the loop thread.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sylph_mp.devbroker.server import MEMORY_BYTES, Server
from sylph_mp.devbroker.service.faults import Faults
from sylph_mp.devbroker.store.broker import QUEUES
from sylph_mp.devbroker.store.group import MAX_ATTEMPTS
from sylph_mp.devbroker.store.record import Kind

T = TypeVar("T")


class BrokerThread:
    """`start`, then `stop`; `stop_listening` and `start_listening` are an outage in between, which loses nothing."""

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._server = Server(memory_bytes=memory_bytes)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="devbroker", daemon=True)

    @property
    def endpoint(self) -> str:
        return self._server.endpoint

    @property
    def faults(self) -> Faults:
        return self._server.faults

    def start(self) -> None:
        """Returns when it listens. Raises ResourceError."""
        self._thread.start()
        self.start_listening()

    def stop(self) -> None:
        self.stop_listening()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start_listening(self) -> None:
        self._run(self._server.start())

    def stop_listening(self) -> None:
        """End all calls and close the port; messages, leases and settings stay."""
        self._run(self._server.stop())

    def create_topic(self, name: str, kind: Kind = Kind.NORMAL, queues: int = QUEUES) -> None:
        self._call(lambda: self._server.broker.create_topic(name, kind, queues))

    def create_group(self, name: str, *, fifo: bool = False, max_attempts: int = MAX_ATTEMPTS) -> None:
        self._call(lambda: self._server.broker.create_group(name, fifo=fifo, max_attempts=max_attempts))

    def memory_used(self) -> int:
        """Bytes of all messages that are still needed."""
        return self._call(lambda: self._server.broker.memory.used)

    def _call(self, function: Callable[[], T]) -> T:
        async def run() -> T:
            return function()

        return self._run(run())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
