"""Bytes on a socket, as clients of every kind send them."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from sylph_mp.control import http_connection, http_server
from sylph_mp.control.http_connection import HEAD_BYTES
from sylph_mp.control.http_messages import Response
from sylph_mp.control.http_server import HttpServer
from sylph_mp.logs import Log
from tests.brokers.ports import free_port
from tests.unit.control.serving import problem_there


class NotedLog(Log):
    def __init__(self):
        super().__init__("master")
        self.bugs = []

    def exception(self, event, text, error, /, **fields):
        self.bugs.append((text, error))


class Paths:
    def __init__(self):
        self.log = NotedLog()
        self.begun = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.closed = asyncio.Event()

    async def hello(self, request):
        return Response(body=f"hello {request.parameter('name')} {request.headers['host']}".encode())

    async def wrong(self, request):
        raise ZeroDivisionError("by nought")

    async def slow(self, request):
        self.begun.set()
        await self.may_answer.wait()
        return Response(body=b"at last")

    async def endless(self, request):
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody waited for this")

    async def stream(self, request):
        return Response(body=self._pieces())

    async def _pieces(self):
        try:
            yield b"first"
            yield b"second"
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    @asynccontextmanager
    async def open(self):
        port = free_port()
        server = HttpServer(
            address=f"127.0.0.1:{port}",
            problem=problem_there,
            routes={f"/{name}": getattr(self, name) for name in ("hello", "wrong", "slow", "endless", "stream")},
            close=_nothing,
            log=self.log,
        )
        await server.start()
        try:
            yield server, port
        finally:
            await server.stop()


async def _nothing():
    pass


async def said(port, request):
    """All that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    text = await reader.read()
    writer.close()
    return text.decode()


def answers(*requests):
    async def ask():
        paths = Paths()
        async with paths.open() as (_, port), asyncio.timeout(20):
            return [await said(port, request) for request in requests], paths.log.bugs

    return asyncio.run(ask())


def asked(line, *headers):
    return "\r\n".join([line, "Host: there", *headers, "", ""]).encode()


LAST = "Connection: close"


def test_several_answers_on_one_connection():
    request = asked("GET /hello?name=you HTTP/1.1") + asked("GET /hello HTTP/1.1", LAST)
    [text], _ = answers(request)
    first, second = text.split("HTTP/1.1 200 OK\r\n")[1:]
    assert first.endswith("\r\n\r\nhello you there")
    assert second.endswith("\r\n\r\nhello  there")
    assert "Date: " in first
    assert "Content-Length: 15\r\n" in first
    assert "nosniff" in first


def test_a_head_has_no_body_and_the_length_of_the_one_it_would_have():
    [text], _ = answers(asked("HEAD /hello HTTP/1.1", LAST))
    assert text.startswith("HTTP/1.1 200 OK\r\n")
    assert "Content-Length: 12\r\n" in text
    assert text.endswith("\r\n\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (asked("GET /nowhere HTTP/1.1", LAST), "404 Not Found"),
        (asked("POST /nowhere HTTP/1.1", LAST), "404 Not Found"),
        (asked("DELETE /hello HTTP/1.1", LAST), "405 Method Not Allowed"),
        (asked("POST /hello HTTP/1.1", "Content-Length: 4") + b"body", "405 Method Not Allowed"),
        (asked("GET /hello HTTP/1.1", "Content-Length: 4") + b"body", "200 OK"),
        (b"this is no request\r\n\r\n", "400 Bad Request"),
        (b"GET /hello HTTP/1.1\r\n\r\n", "400 Bad Request"),
        (asked("GET /hello HTTP/1.1", "X: " + "x" * 2 * HEAD_BYTES), "431 Request Header Fields Too Large"),
        (asked("GET /wrong HTTP/1.1", LAST), "500 Internal Server Error"),
    ],
)
def test_what_is_refused_says_so_and_the_connection_ends(request_bytes, status):
    [text], _ = answers(request_bytes)
    assert text.startswith(f"HTTP/1.1 {status}\r\n")
    assert text.count("HTTP/1.1 ") == 1


def test_a_bug_is_told():
    _, [(text, error)] = answers(asked("GET /wrong HTTP/1.1", LAST))
    assert text == "/wrong is not answered: by nought"
    assert isinstance(error, ZeroDivisionError)


def test_a_stream_ends_with_its_reader():
    async def work():
        paths = Paths()
        async with paths.open() as (_, port), asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asked("GET /stream HTTP/1.1"))
            head = await reader.readuntil(b"\r\n\r\n")
            pieces = await reader.readuntil(b"second\r\n")
            writer.close()
            await paths.closed.wait()
        return head, pieces

    head, pieces = asyncio.run(work())
    assert b"Transfer-Encoding: chunked" in head
    assert pieces == b"5\r\nfirst\r\n6\r\nsecond\r\n"


def test_a_stop_waits_for_an_answer_and_not_for_who_is_silent():
    async def work():
        paths = Paths()
        async with paths.open() as (server, port), asyncio.timeout(20):
            silent, silent_writer = await asyncio.open_connection("127.0.0.1", port)
            answered = asyncio.create_task(said(port, asked("GET /slow HTTP/1.1", LAST)))
            await paths.begun.wait()
            stopping = asyncio.create_task(server.stop())
            assert await silent.read() == b""
            silent_writer.close()
            assert not stopping.done()
            paths.may_answer.set()
            await stopping
            return await answered

    assert asyncio.run(work()).endswith("at last")


def test_a_stop_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(http_server, "SHUTDOWN_S", 0.05)

    async def work():
        paths = Paths()
        async with paths.open() as (server, port), asyncio.timeout(20):
            answered = asyncio.create_task(said(port, asked("GET /endless HTTP/1.1")))
            await paths.begun.wait()
            await server.stop()
            return await answered

    assert asyncio.run(work()) == ""


def test_silence_ends_a_connection(monkeypatch):
    monkeypatch.setattr(http_connection, "SILENCE_S", 0.05)
    assert answers(b"GET /hello") == ([""], [])


def test_one_connection_too_many_is_closed(monkeypatch):
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 1)

    async def work():
        paths = Paths()
        async with paths.open() as (_, port), asyncio.timeout(20):
            asking = asyncio.create_task(said(port, asked("GET /slow HTTP/1.1", LAST)))
            await paths.begun.wait()
            refused = await said(port, asked("GET /hello HTTP/1.1", LAST))
            paths.may_answer.set()
            return refused, await asking

    refused, answered = asyncio.run(work())
    assert refused == ""
    assert answered.endswith("at last")
