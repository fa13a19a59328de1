"""The gRPC service: which part answers which method, with faults, refusals and the client's id in one place.

Runs on the server's loop thread. What is not listed, PullMessage for one, is UNIMPLEMENTED as with the real proxy.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from sylph_mp.devbroker.service.answers import answer_type, refusal_of, request_type
from sylph_mp.devbroker.service.faults import Delay, Drop, FailCode, FailGrpc, Faults
from sylph_mp.devbroker.service.receiving import Receiving
from sylph_mp.devbroker.service.routing import Routing
from sylph_mp.devbroker.service.sending import Sending
from sylph_mp.devbroker.service.settling import Settling
from sylph_mp.devbroker.service.telemetry import Telemetry
from sylph_mp.devbroker.store.refusal import Code, RefusedError

SERVICE = "apache.rocketmq.v2.MessagingService"

#: A unary method: (request, client id) to answer. Raises RefusedError.
Answer = Callable[[Any, str], Any]


class Messaging:
    def __init__(
        self,
        *,
        routing: Routing,
        sending: Sending,
        receiving: Receiving,
        settling: Settling,
        telemetry: Telemetry,
        faults: Faults,
    ) -> None:
        self._receiving = receiving
        self._telemetry = telemetry
        self._faults = faults
        self._unary: dict[str, Answer] = {
            "QueryRoute": routing.route,
            "QueryAssignment": routing.assignment,
            "SendMessage": sending.send,
            "EndTransaction": sending.end_transaction,
            "RecallMessage": sending.recall,
            "AckMessage": settling.ack,
            "ChangeInvisibleDuration": settling.change_invisible,
            "ForwardMessageToDeadLetterQueue": settling.dead_letter,
            "Heartbeat": telemetry.heartbeat,
            "NotifyClientTermination": telemetry.terminate,
        }

    def handlers(self) -> Any:
        """What a grpc.aio server is given."""
        methods = {
            name: grpc.unary_unary_rpc_method_handler(self._unary_method(name, answer), **_codecs(name))
            for name, answer in self._unary.items()
        }
        methods["ReceiveMessage"] = grpc.unary_stream_rpc_method_handler(self._receive, **_codecs("ReceiveMessage"))
        methods["Telemetry"] = grpc.stream_stream_rpc_method_handler(self._stream, **_codecs("Telemetry"))
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def _unary_method(self, name: str, answer: Answer) -> Callable[[Any, Any], Awaitable[Any]]:
        async def method(request: Any, context: Any) -> Any:
            try:
                client = _client_of(context)
                if await self._pass_fault(name, context):
                    answer(request, client)
                    await _never()
                return answer(request, client)
            except RefusedError as refusal:
                return refusal_of(name, refusal)

        return method

    async def _receive(self, request: Any, context: Any) -> None:
        try:
            client = _client_of(context)
            lost = await self._pass_fault("ReceiveMessage", context)
            deliveries = await self._receiving.receive(request, client, context.time_remaining())
            if lost:
                await _never()
            answers = self._receiving.answers(request, deliveries)
        except RefusedError as refusal:
            answers, deliveries = [refusal_of("ReceiveMessage", refusal)], []
        written = 0
        try:
            for answer in answers:
                await context.write(answer)
                written += 1
        finally:
            # The first answer is the status: one delivery less than answers has left.
            if unsent := deliveries[max(0, written - 1) :]:
                self._receiving.put_back(request, unsent)

    async def _stream(self, commands: Any, context: Any) -> None:
        try:
            client = _client_of(context)
            if await self._pass_fault("Telemetry", context):
                await _never()
        except RefusedError as refusal:
            await context.write(refusal_of("Telemetry", refusal))
            return
        await self._telemetry.stream(commands, context, client)

    async def _pass_fault(self, method: str, context: Any) -> bool:
        """Suffer the fault that a test has planned; True: carry the call out and never answer."""
        match self._faults.take(method):
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Drop(carried_out=True):
                return True
            case Drop():
                await _never()
            case FailGrpc(status, text):
                await context.abort(status, text)
            case FailCode(code, text):
                raise RefusedError(code, text)
        return False


def _client_of(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "x-mq-client-id" and value:
            return str(value)
    raise RefusedError(Code.CLIENT_ID_REQUIRED, "client id cannot be empty")


async def _never() -> None:
    """Wait until the client gives the call up."""
    await asyncio.Event().wait()


def _codecs(method: str) -> dict[str, Any]:
    return {
        "request_deserializer": request_type(method).FromString,
        "response_serializer": answer_type(method).SerializeToString,
    }
