"""A bidirectional gRPC call: messages go out and come in while it is open. On the loop thread.

The upload pauses while there is nothing to send. A paused upload keeps libcurl from finishing a transfer whose trailers
have come, so the trailers are watched for here.
"""

import asyncio
from collections.abc import Callable

import pycurl

from sylph_mp.errors import BrokerError, TransportError
from sylph_mp.rocketmq import grpc_framing


class Stream:
    """`on_trailers` is called, within libcurl, when the server has ended the call; `on_close` by `close`."""

    def __init__(self, curl: pycurl.Curl, *, on_trailers: Callable[[], object], on_close: Callable[[], None]) -> None:
        self.curl = curl
        self._on_trailers = on_trailers
        self._on_close = on_close
        self._unsent = bytearray()
        self._paused = False
        self._buffer = bytearray()
        self._headers: list[bytes] = []
        self._received: asyncio.Queue[bytes | BrokerError] = asyncio.Queue()
        self._ended = False
        curl.setopt(pycurl.UPLOAD, 1)
        curl.setopt(pycurl.CUSTOMREQUEST, "POST")
        curl.setopt(pycurl.READFUNCTION, self._read)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.HEADERFUNCTION, self._note_header)

    def post(self, message: bytes) -> None:
        """Send a message; nothing happens when the call has ended."""
        if self._ended:
            return
        self._unsent += grpc_framing.encode(message)
        if self._paused:
            self._paused = False
            self.curl.pause(pycurl.PAUSE_CONT)

    async def receive(self) -> bytes:
        """The next message. Raises BrokerError when the call has ended, however that came."""
        received = await self._received.get()
        if isinstance(received, BrokerError):
            self._received.put_nowait(received)
            raise received
        return received

    def close(self) -> None:
        """End the call from this side; calling it again does nothing."""
        if not self._ended:
            self._on_close()

    def end(self, failure: TransportError | None) -> None:
        """Called once by the connection; no failure means that the server ended the call."""
        self._ended = True
        if failure is None:
            refusal = grpc_framing.refusal_in(self._headers, self.curl.getinfo(pycurl.RESPONSE_CODE))
            self._received.put_nowait(refusal or TransportError("stream ended by the server"))
        else:
            self._received.put_nowait(failure)
        self.curl.close()

    def _read(self, size: int) -> bytes | int:
        if not self._unsent:
            self._paused = True
            return int(pycurl.READFUNC_PAUSE)
        part = bytes(self._unsent[:size])
        del self._unsent[:size]
        return part

    def _write(self, data: bytes) -> None:
        self._buffer += data
        for message in grpc_framing.take(self._buffer):
            self._received.put_nowait(message)

    def _note_header(self, line: bytes) -> None:
        self._headers.append(line)
        if line.startswith(b"grpc-status:"):
            self._on_trailers()
