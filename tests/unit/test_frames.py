"""Frames go both ways, and the end of the other side is an ordinary event."""

import asyncio
import socket
import struct

import msgspec
import pytest
import uvloop
from msgspec import Struct

from sylph_mp.frames import MAX_FRAME, FrameError, FrameStream, encode


class Word(Struct, tag=True):
    text: str


DECODER = msgspec.msgpack.Decoder(Word)


def play(story):
    """Run it on the loop that master and consumers use, with both ends of a pipe."""

    async def main():
        ours, theirs = socket.socketpair()
        stream = await FrameStream.from_socket(ours, DECODER)
        theirs.setblocking(False)
        try:
            await story(stream, theirs)
        finally:
            theirs.close()
            await stream.close()

    uvloop.run(main())


def test_a_frame_is_read_whole_however_it_is_cut():
    async def story(stream, other):
        loop = asyncio.get_running_loop()
        data = encode(Word("one")) + encode(Word("two"))
        reading = asyncio.create_task(stream.receive())
        for byte in data:
            await loop.sock_sendall(other, bytes([byte]))
        assert await reading == Word("one")
        assert await stream.receive() == Word("two")

    play(story)


def test_a_frame_cut_short_is_the_end_of_the_stream():
    async def story(stream, other):
        await asyncio.get_running_loop().sock_sendall(other, encode(Word("one"))[:-1])
        other.close()
        assert await stream.receive() is None

    play(story)


@pytest.mark.parametrize("data", [struct.pack("<I", MAX_FRAME + 1), struct.pack("<I", 2) + b"\xc1\xc1"])
def test_what_is_no_frame_is_refused(data):
    async def story(stream, other):
        await asyncio.get_running_loop().sock_sendall(other, data)
        with pytest.raises(FrameError):
            await stream.receive()

    play(story)


def test_sending_to_a_side_that_is_gone_says_so_and_posting_says_nothing():
    async def story(stream, other):
        other.close()
        assert await stream.receive() is None
        with pytest.raises(ConnectionError):
            await asyncio.gather(*(stream.send(Word("one")) for _ in range(100)))
        stream.post(Word("two"))

    play(story)
