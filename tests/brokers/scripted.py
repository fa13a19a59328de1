"""A proxy whose answers the test scripts, over real gRPC: for what a real one cannot be made to do on demand.

Runs on the test's own loop. A method of the service is an async function of (request bytes, call) that returns bytes; a
streamed one is an async generator; Telemetry takes the stream of requests.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import grpc

SERVICE = "apache.rocketmq.v2.MessagingService"


class ScriptedProxy(grpc.GenericRpcHandler):
    """`async with ScriptedProxy(QueryRoute=...) as proxy:` listens at `proxy.endpoint`."""

    def __init__(
        self,
        *,
        credentials: grpc.ServerCredentials | None = None,
        options: tuple[tuple[str, int], ...] = (),
        **methods: Callable[..., Any],
    ) -> None:
        self._credentials = credentials
        self._options = options
        self._methods = methods
        self.peers: set[str] = set()
        """Client addresses seen, one for each connection."""

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server(options=self._options)
        self._server.add_generic_rpc_handlers((self,))
        if self._credentials is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", self._credentials)
        await self._server.start()
        self.port = port
        self.endpoint = f"127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self, grace_s: float | None = None) -> None:
        """Take no more connections, tell those that are open, end their calls after `grace_s`."""
        await self._server.stop(grace_s)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        name = details.method.removeprefix(f"/{SERVICE}/")
        method = self._methods.get(name)
        if method is None:
            return None
        if name == "Telemetry":
            return grpc.stream_stream_rpc_method_handler(self._noting_stream(method))
        if name == "ReceiveMessage":
            return grpc.unary_stream_rpc_method_handler(self._noting_stream(method))
        return grpc.unary_unary_rpc_method_handler(self._noting(method))

    def _noting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(request: bytes, call: grpc.aio.ServicerContext) -> bytes:
            self.peers.add(call.peer())
            return await method(request, call)

        return answer

    def _noting_stream(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(request: Any, call: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            self.peers.add(call.peer())
            async for message in method(request, call):
                yield message

        return answer
