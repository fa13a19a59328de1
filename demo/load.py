"""Sends the demo's messages at a steady rate, over the protocol's own stubs; on the demo's event loop."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import grpc.aio
import msgspec
from msgspec import Struct

import sylph_mp.rocketmq  # noqa: F401  lays out the official client, so that its log file is not opened

#: Each topic gets what is due this often; a topic's due messages are one request unless they are ordered.
TICK_S = 0.02
MOST_AT_ONCE = 256


class Plan(Struct, frozen=True, kw_only=True):
    topic: str
    rate: int
    """Messages a second."""
    groups: int = 0
    """Message groups, for a FIFO topic; 0: without order, each message a group of its own."""


class Load:
    """Numbers the messages of each topic from 0; `sent` counts those that the broker has stored."""

    def __init__(self, plans: Sequence[Plan], *, endpoint: str) -> None:
        self.sent = {plan.topic: 0 for plan in plans}
        self._plans = plans
        self._endpoint = endpoint

    async def run(self, seconds: float) -> None:
        """Raises LoadError for any message that is not stored for sure: what is counted would prove nothing then."""
        from rocketmq.grpc_protocol import MessagingServiceStub  # noqa: PLC0415  only after that

        async with grpc.aio.insecure_channel(self._endpoint) as channel:
            send = MessagingServiceStub(channel).SendMessage
            await asyncio.gather(*(self._run_topic(send, plan, seconds) for plan in self._plans))

    async def _run_topic(self, send: Any, plan: Plan, seconds: float) -> None:
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            begin = self.sent[plan.topic]
            due = range(begin, min(int(elapsed * plan.rate), begin + MOST_AT_ONCE))
            if plan.groups:  # so many in a row are of different groups, so they may go side by side
                await asyncio.gather(*(self._send(send, plan, [number]) for number in due[: plan.groups]))
            elif due:
                await self._send(send, plan, due)
            await asyncio.sleep(TICK_S)

    async def _send(self, send: Any, plan: Plan, numbers: Sequence[int]) -> None:
        try:
            answer = await send(request(plan, numbers), metadata=(("x-mq-client-id", "demo"),), timeout=5)
        except grpc.aio.AioRpcError as error:
            raise LoadError(f"sending to {plan.topic}: {error.details()}") from error
        if answer.status.code != 20000:
            raise LoadError(f"sending to {plan.topic}: {answer.status.code} {answer.status.message}")
        self.sent[plan.topic] += len(numbers)


class LoadError(Exception):
    """A message was not stored, or it is not known whether it was."""


def request(plan: Plan, numbers: Sequence[int]) -> Any:
    """A SendMessageRequest (apache/rocketmq-apis, service.proto): several messages only where order does not matter."""
    from rocketmq.grpc_protocol import MessageType, SendMessageRequest  # noqa: PLC0415  as in `run`

    message_request = SendMessageRequest()
    for number in numbers:
        group = number % plan.groups if plan.groups else number
        message = message_request.messages.add()
        message.topic.name = plan.topic
        message.body = msgspec.json.encode({"number": number, "group": group})
        message.system_properties.message_id = uuid4().hex
        message.system_properties.message_type = MessageType.FIFO if plan.groups else MessageType.NORMAL
        message.system_properties.born_timestamp.GetCurrentTime()
        if plan.groups:
            message.system_properties.message_group = f"account-{group}"
    return message_request
