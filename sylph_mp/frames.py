"""Frames on a local stream socket: the pipe between master and consumer, and the control socket.

    0        4
    ├────────┼──────────────────────────────┐
    │ length │ msgpack of one tagged Struct  │      length: u32 little-endian, of what follows it
    └────────┴──────────────────────────────┘

Runs on the loop thread of whichever process opened the socket.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

_HEAD = struct.Struct("<I")
#: A status of 256 slots with 100 topics is about 1 MiB; a longer frame is not ours.
MAX_FRAME = 16 << 20


class FrameError(Exception):
    """The other side sent something that is no frame of ours; the connection is of no more use."""


def encode(message: object) -> bytes:
    """One frame, head and all."""
    body = msgspec.msgpack.encode(message)
    return _HEAD.pack(len(body)) + body


class FrameStream(Generic[T]):
    """Both directions of one connection; `incoming` is the union of Structs that may arrive."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        decoder: "msgspec.msgpack.Decoder[T]",
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = decoder

    @classmethod
    async def from_socket(cls, sock: socket.socket, decoder: "msgspec.msgpack.Decoder[T]") -> "FrameStream[T]":
        sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=MAX_FRAME)
        return cls(reader, writer, decoder)

    async def receive(self) -> T | None:
        """The next message, or None when the other side has closed (a frame cut short counts as that).

        Raises FrameError for bytes that are not a frame of the expected messages.
        """
        try:
            (length,) = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
            if length > MAX_FRAME:
                raise FrameError(f"a frame of {length} bytes is announced, {MAX_FRAME} is the limit")
            body = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        try:
            return self._decoder.decode(body)
        except msgspec.DecodeError as error:
            raise FrameError(str(error)) from error

    async def __aiter__(self) -> AsyncIterator[T]:
        while (message := await self.receive()) is not None:
            yield message

    @property
    def unsent_bytes(self) -> int:
        """What the other side has not taken yet; a sender with a bound looks here first."""
        return self._writer.transport.get_write_buffer_size()

    def post(self, message: object) -> None:
        """Send without waiting; nothing happens when the other side has closed."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def send(self, message: object) -> None:
        """Send and wait until the socket takes more. Raises ConnectionError when the other side has closed."""
        if self._writer.is_closing():
            raise ConnectionResetError("the other side has closed")
        self._writer.write(encode(message))
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return  # the other side was faster
