"""Calls to one proxy service over one connection, which is replaced when it is lost. On the loop thread."""

import asyncio
from collections.abc import Sequence

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import NotSentError
from sylph_mp.rocketmq.call_record import CallRecord
from sylph_mp.rocketmq.connection import Connection
from sylph_mp.rocketmq.endpoints import Addresses
from sylph_mp.rocketmq.handle import Target, Tls
from sylph_mp.rocketmq.stream import Stream


def tls_of(instance: Instance) -> Tls | None:
    if not instance.tls:
        return None
    return Tls(ca_file=instance.ca_file, cert_file=instance.cert_file, key_file=instance.key_file)


class Channel:
    """Each new connection goes to the next of `addresses`."""

    def __init__(self, addresses: Addresses, *, tls: Tls | None, clock: Clock) -> None:
        self.record = CallRecord(str(addresses[0]), clock)
        self._targets = [Target(address, tls) for address in addresses]
        self._clock = clock
        self._connection: Connection | None = None
        self._connections = 0
        self._closed = False

    async def call(self, method: str, message: bytes, *, headers: Sequence[str], timeout_s: float) -> list[bytes]:
        """The messages of the answer, once it is complete. Raises TransportError, CallTimeoutError or GrpcError."""
        connection = self._current()
        call = connection.call(method, message, headers=headers, timeout_s=timeout_s)
        answer = call.answer
        try:
            return await answer
        except asyncio.CancelledError:
            if call.answer is answer:  # it may have ended meanwhile and serve another
                connection.drop(call, "cancelled")
            raise

    def open_stream(self, method: str, *, headers: Sequence[str]) -> Stream:
        """Raises NotSentError only when the channel is closed; all else comes from the stream's `receive`."""
        return self._current().open_stream(method, headers=headers)

    def start_over(self, reason: str) -> None:
        """The connection is of no more use: end all that is on it, the next call opens another."""
        if self._connection is not None and self._connection.lost is None:
            self.record.failed(reason)
            self._connection.close(reason)

    def close(self) -> None:
        """End all calls and streams, close the connection; calling it again does nothing."""
        self._closed = True
        if self._connection is not None:
            self._connection.close("closed")
            self._connection = None

    def _current(self) -> Connection:
        if self._closed:
            raise NotSentError("closed")
        if self._connection is None or self._connection.lost is not None:
            target = self._targets[self._connections % len(self._targets)]
            self._connections += 1
            self.record.endpoint = str(target.address)
            self._connection = Connection(target, record=self.record, clock=self._clock)
        return self._connection
