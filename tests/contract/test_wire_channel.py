"""Calls over libcurl against a real gRPC server: answers, refusals, deadlines, and connections that are no good."""

import asyncio
import os
import socket
import subprocess

import grpc
import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.errors import CallTimeoutError, GrpcError, TransportError
from sylph_mp.rocketmq.channel import Channel
from sylph_mp.rocketmq.connection import MAX_IDLE
from sylph_mp.rocketmq.endpoints import Address
from sylph_mp.rocketmq.handle import Tls
from tests.brokers.ports import free_port
from tests.brokers.scripted import ScriptedProxy

HEADERS = ["content-type: application/grpc", "te: trailers", "x-mq-client-id: test"]


def channel_to(*ports, tls=None, host="127.0.0.1"):
    return Channel(tuple(Address(host, port) for port in ports), tls=tls, clock=SystemClock())


def call(channel, message=b"", *, method="QueryRoute", timeout_s=5.0):
    return channel.call(method, message, headers=HEADERS, timeout_s=timeout_s)


async def echo(request, call):
    return request


async def wait_for_ever(request, call):
    await asyncio.Event().wait()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  nothing tells of a closed socket
            await asyncio.sleep(0.01)


def open_sockets():
    names = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            continue  # that of the listing itself
    return sum(name.startswith("socket:") for name in names)


def test_answers_of_any_size_come_back_over_one_connection():
    async def run():
        async with ScriptedProxy(QueryRoute=echo) as proxy:
            channel = channel_to(proxy.port)
            messages = [b"", b"x" * 17, os.urandom(3_000_000)]
            answers = await asyncio.gather(*(call(channel, message) for message in messages))
            channel.close()
            assert answers == [[message] for message in messages]
            assert len(proxy.peers) == 1

    asyncio.run(run())


def test_a_streamed_answer_comes_as_all_its_messages():
    async def stream(request, call):
        for number in range(100):
            yield b"%d" % number * 300

    async def run():
        async with ScriptedProxy(ReceiveMessage=stream) as proxy:
            channel = channel_to(proxy.port)
            assert await call(channel, method="ReceiveMessage") == [b"%d" % number * 300 for number in range(100)]
            channel.close()

    asyncio.run(run())


def test_the_server_is_told_the_deadline_and_the_headers():
    async def tell(request, call):
        told = dict(call.invocation_metadata())
        return f"{told['x-mq-client-id']} {call.time_remaining() <= 5.0}".encode()

    async def run():
        async with ScriptedProxy(QueryRoute=tell) as proxy:
            channel = channel_to(proxy.port)
            assert await call(channel) == [b"test True"]
            channel.close()

    asyncio.run(run())


def test_a_refusal_in_the_trailers_is_an_error_with_its_text():
    async def refuse(request, call):
        await call.abort(grpc.StatusCode.PERMISSION_DENIED, "not you: ä %")

    async def run():
        async with ScriptedProxy(QueryRoute=refuse) as proxy:
            channel = channel_to(proxy.port)
            with pytest.raises(GrpcError) as caught:
                await call(channel)
            assert (caught.value.status, caught.value.message) == (7, "not you: ä %")
            with pytest.raises(GrpcError) as caught:
                await call(channel, method="NoSuchMethod")
            assert caught.value.status == grpc.StatusCode.UNIMPLEMENTED.value[0]
            channel.close()

    asyncio.run(run())


def test_telemetry_goes_both_ways_until_the_server_refuses():
    async def answer_twice(requests, call):
        for _ in range(2):
            yield await anext(requests) + b"!"
        await call.abort(grpc.StatusCode.INVALID_ARGUMENT, "group not found: g")

    async def run():
        async with ScriptedProxy(Telemetry=answer_twice) as proxy:
            channel = channel_to(proxy.port)
            stream = channel.open_stream("Telemetry", headers=HEADERS)
            for text in (b"one", b"two" * 100_000):
                stream.post(text)
                assert await stream.receive() == text + b"!"
            # The upload is paused now; the trailers must be noticed all the same.
            for _ in range(2):
                with pytest.raises(GrpcError, match="group not found: g"):
                    await asyncio.wait_for(stream.receive(), 2)
            channel.close()

    asyncio.run(run())


def test_nobody_there_is_told_in_words():
    async def run():
        channel = channel_to(free_port())
        with pytest.raises(TransportError, match=r"^connection refused$"):
            await call(channel)
        health = channel.record.health()
        assert (health.error, health.tries, health.answered_at) == ("connection refused", 1, None)
        channel.close()

    asyncio.run(run())


def test_the_next_address_is_tried_when_one_is_away():
    async def run():
        async with ScriptedProxy(QueryRoute=echo) as proxy:
            channel = channel_to(free_port(), proxy.port)
            with pytest.raises(TransportError):
                await call(channel)
            assert await call(channel, b"x") == [b"x"]
            assert channel.record.health().endpoint == proxy.endpoint
            channel.close()

    asyncio.run(run())


def test_a_call_that_alone_is_slow_does_not_cost_the_connection():
    async def run():
        async with ScriptedProxy(QueryRoute=wait_for_ever, Heartbeat=echo) as proxy:
            channel = channel_to(proxy.port)
            slow = asyncio.ensure_future(call(channel, timeout_s=0.3))
            await asyncio.sleep(0)
            assert await call(channel, b"x", method="Heartbeat") == [b"x"]
            with pytest.raises(CallTimeoutError, match=r"^no answer in 0.3 s$"):
                await slow
            assert await call(channel, b"y", method="Heartbeat") == [b"y"]
            assert len(proxy.peers) == 1
            channel.close()

    asyncio.run(run())


def test_silence_costs_the_connection_and_ends_what_is_on_it():
    """A server that accepts connections and says nothing looks like a peer whose host has vanished."""
    connections = []

    async def run():
        server = await asyncio.start_server(lambda *streams: connections.append(streams), "127.0.0.1", 0)
        channel = channel_to(server.sockets[0].getsockname()[1])
        poll = asyncio.ensure_future(call(channel, timeout_s=30))
        with pytest.raises(CallTimeoutError):
            await call(channel, timeout_s=0.2)
        with pytest.raises(TransportError, match=r"no answer in 0\.2 s"):
            await poll
        assert len(connections) == 1
        with pytest.raises(CallTimeoutError):
            await call(channel, timeout_s=0.2)
        assert len(connections) == 2
        channel.close()
        for _, writer in connections:
            writer.close()
        server.close()

    asyncio.run(run())


def test_a_call_that_waits_behind_a_draining_connection_makes_the_channel_start_over():
    """A server that stops finishes its open calls first, and telemetry is one; new calls must go elsewhere."""

    async def run():
        async with (
            ScriptedProxy(Telemetry=stay_silent, QueryRoute=echo) as stopping,
            ScriptedProxy(QueryRoute=echo) as other,
        ):
            channel = channel_to(stopping.port, other.port)
            stream = channel.open_stream("Telemetry", headers=HEADERS)
            assert await call(channel, b"x") == [b"x"]
            drained = asyncio.ensure_future(stopping.stop(grace_s=30))
            await asyncio.sleep(0.1)
            with pytest.raises(TransportError, match="no connection in 2 s"):
                await call(channel, timeout_s=10)
            with pytest.raises(TransportError, match="no connection in 2 s"):
                await stream.receive()
            assert await call(channel, b"y") == [b"y"]
            assert len(other.peers) == 1
            channel.close()
            await drained

    asyncio.run(run())


async def stay_silent(requests, call):
    async for request in requests:
        assert request is None, "nothing is sent here"
    for nothing in ():
        yield nothing


def test_calls_end_when_the_server_goes():
    async def run():
        async with ScriptedProxy(QueryRoute=wait_for_ever) as proxy:
            channel = channel_to(proxy.port)
            poll = asyncio.ensure_future(call(channel, timeout_s=30))
            await until(lambda: proxy.peers)
            await proxy.stop()
            with pytest.raises((TransportError, GrpcError)):
                await asyncio.wait_for(poll, 5)
            with pytest.raises(TransportError, match="connection refused"):
                await call(channel)
            channel.close()

    asyncio.run(run())


def test_closing_ends_calls_and_leaves_nothing_open():
    async def run():
        async with ScriptedProxy(QueryRoute=echo, Heartbeat=wait_for_ever) as proxy:
            before = open_sockets()
            for _ in range(3):
                channel = channel_to(proxy.port)
                await call(channel)
                poll = asyncio.ensure_future(call(channel, method="Heartbeat"))
                cancelled = asyncio.ensure_future(call(channel, method="Heartbeat"))
                await asyncio.sleep(0.01)
                cancelled.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await cancelled
                channel.close()
                channel.close()
                with pytest.raises(TransportError, match="closed"):
                    await poll
                with pytest.raises(TransportError, match="closed"):
                    await call(channel)
            await until(lambda: open_sockets() <= before)  # the server's sides close a little later

    asyncio.run(run())


def test_a_cancelled_call_leaves_the_next_one_on_its_handle_alone():
    """Its answer may come, and its handle be used again, before the cancelled task runs."""

    async def run():
        async with ScriptedProxy(QueryRoute=echo) as proxy:
            channel = channel_to(proxy.port)
            await call(channel)
            connection = channel._connection
            (handle,) = connection._idle["QueryRoute"]
            cancelled = asyncio.ensure_future(call(channel))
            await asyncio.sleep(0)
            cancelled.cancel()
            connection._curl_loop._end(handle.curl, 0, "")
            following = connection.call("QueryRoute", b"x", headers=HEADERS, timeout_s=5)
            assert following is handle
            assert await following.answer == [b"x"]
            assert cancelled.cancelled()
            channel.close()

    asyncio.run(run())


def test_handles_are_kept_for_the_next_calls_up_to_a_bound():
    async def run():
        async with ScriptedProxy(QueryRoute=echo) as proxy:
            channel = channel_to(proxy.port)
            for _ in range(2):
                await asyncio.gather(*(call(channel) for _ in range(3 * MAX_IDLE)))
            assert {method: len(idle) for method, idle in channel._connection._idle.items()} == {"QueryRoute": MAX_IDLE}
            assert len(proxy.peers) == 1
            channel.close()

    asyncio.run(run())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA, and a server's and a client's certificate from it, made by the openssl command."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA")
    for name in ("server", "client"):
        openssl("req", "-x509", *new_key, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip
    return folder


def tls_proxy(folder):
    """Wants a client certificate from the same CA."""
    credentials = grpc.ssl_server_credentials(
        [((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())],
        root_certificates=(folder / "ca.pem").read_bytes(),
        require_client_auth=True,
    )
    return ScriptedProxy(credentials=credentials, QueryRoute=echo)


def test_tls_with_an_own_ca_and_a_client_certificate(certificates):
    tls = Tls(*(str(certificates / name) for name in ("ca.pem", "client.pem", "client.key")))

    async def run():
        async with tls_proxy(certificates) as proxy:
            channel = channel_to(proxy.port, tls=tls)
            assert await call(channel, b"x" * 100_000) == [b"x" * 100_000]
            channel.close()

    asyncio.run(run())


def test_a_certificate_of_somebody_else_is_refused(certificates):
    async def run():
        async with tls_proxy(certificates) as proxy:
            channel = channel_to(proxy.port, tls=Tls())
            with pytest.raises(TransportError, match=r"^TLS: .*certificate"):
                await call(channel)
            channel.close()

    asyncio.run(run())


def test_an_unreadable_ca_file_is_told(certificates):
    async def run():
        channel = channel_to(free_port_that_accepts(), tls=Tls(ca_file="/nowhere/ca.pem"))
        with pytest.raises(TransportError, match=r"^TLS: .*ca\.pem"):
            await call(channel)
        channel.close()

    listeners = []

    def free_port_that_accepts():
        listeners.append(socket.create_server(("127.0.0.1", 0)))
        return listeners[0].getsockname()[1]

    asyncio.run(run())
    listeners[0].close()


def test_a_host_that_does_not_exist_is_told():
    async def run():
        channel = channel_to(8081, host="nowhere.invalid")
        with pytest.raises(TransportError, match=r"^host name not found$"):
            await call(channel)
        channel.close()

    asyncio.run(run())
