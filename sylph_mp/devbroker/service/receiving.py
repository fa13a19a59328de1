"""ReceiveMessage: a long poll, answered as a stream of status, messages and the delivery time.

Runs on the server's loop thread.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from rocketmq.grpc_protocol import definition_pb2 as definition
from rocketmq.grpc_protocol import service_pb2 as service

from sylph_mp.clock import Clock
from sylph_mp.devbroker.service.admission import check_group_name
from sylph_mp.devbroker.service.answers import ok
from sylph_mp.devbroker.service.messages import delivered, full_name, milliseconds
from sylph_mp.devbroker.service.sessions import Sessions
from sylph_mp.devbroker.store.broker import Broker
from sylph_mp.devbroker.store.filter import Filter, by_tags
from sylph_mp.devbroker.store.record import Delivery
from sylph_mp.devbroker.store.refusal import Code, RefusedError
from sylph_mp.devbroker.store.sql92 import by_sql
from sylph_mp.devbroker.store.subscription import RENEWAL_MS, Pop

MOST_MESSAGES = 32
MIN_INVISIBLE_MS = 10_000
MAX_INVISIBLE_MS = 12 * 3600_000
#: A shorter poll is made longer, one that cannot last so long is refused.
MIN_POLL_S = 5.0
MAX_POLL_S = 20.0
#: The answer is under way before the client's deadline by so much.
RESERVE_S = 0.1


class Receiving:
    def __init__(self, *, broker: Broker, sessions: Sessions, clock: Clock, store_host: str) -> None:
        self._broker = broker
        self._sessions = sessions
        self._clock = clock
        self._store_host = store_host

    async def receive(self, request: Any, client: str, left_s: float | None) -> Sequence[Delivery]:
        """Wait for messages; `left_s` is the time until the client's deadline. Raises RefusedError."""
        self._sessions.require(client)
        check_group_name(request.group.name)
        poll_s = _poll_s(request, left_s)
        invisible_ms = RENEWAL_MS if request.auto_renew else _invisible_ms(request)
        if request.batch_size < 0:
            raise RefusedError(Code.INTERNAL_SERVER_ERROR, f"Illegal Capacity: {request.batch_size}.")
        topic, group = full_name(request.message_queue.topic), full_name(request.group)
        if self._broker.kind_of(topic) is None:
            raise RefusedError(Code.INTERNAL_SERVER_ERROR, 'Cannot invoke "getPerm()" because "topicConfig" is null.')
        bell = self._broker.subscription(topic, group).bell
        until = asyncio.get_running_loop().time() + poll_s
        wanted = _filter(request.filter_expression)
        while True:
            pop = Pop(
                now_ms=int(self._clock.time() * 1000),
                batch=min(request.batch_size, MOST_MESSAGES),
                invisible_ms=invisible_ms,
                filter=wanted,
                attempt_id=request.attempt_id,
                renew_for=client if request.auto_renew else "",
            )
            deliveries = self._broker.pop(topic, group, pop)
            if len(deliveries) == MOST_MESSAGES:
                bell.ring()
            if deliveries or not await bell.wait(until):
                return deliveries

    def answers(self, request: Any, deliveries: Sequence[Delivery]) -> list[Any]:
        """What is written to the stream. The first answer is the status, the last the time."""
        if not deliveries:
            raise RefusedError(Code.MESSAGE_NOT_FOUND, "no new message")
        topic = request.message_queue.topic
        messages = [delivered(topic, delivery, self._store_host) for delivery in deliveries]
        last = service.ReceiveMessageResponse()
        last.delivery_timestamp.FromMilliseconds(int(self._clock.time() * 1000))
        return [
            service.ReceiveMessageResponse(status=ok()),
            *(service.ReceiveMessageResponse(message=message) for message in messages),
            last,
        ]

    def put_back(self, request: Any, deliveries: Sequence[Delivery]) -> None:
        """The consumer went away before these were written to it."""
        subscription = self._broker.subscription(full_name(request.message_queue.topic), full_name(request.group))
        now_ms = int(self._clock.time() * 1000)
        for delivery in deliveries:
            subscription.put_back(delivery, now_ms)


def _poll_s(request: Any, left_s: float | None) -> float:
    if left_s is None:
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, 'Cannot invoke "longValue()" because "timeRemaining" is null.')
    asked_s = milliseconds(request.long_polling_timeout) / 1000
    if not request.HasField("long_polling_timeout"):
        asked_s = left_s - 1.5
    if left_s < MIN_POLL_S:
        text = "The deadline time remaining is not enough for polling, please check network condition"
        raise RefusedError(Code.ILLEGAL_POLLING_TIME, text)
    return min(max(asked_s, MIN_POLL_S), MAX_POLL_S, left_s - RESERVE_S)


def _invisible_ms(request: Any) -> int:
    invisible_ms = milliseconds(request.invisible_duration)
    check_invisible(invisible_ms, MIN_INVISIBLE_MS)
    return invisible_ms


def check_invisible(invisible_ms: int, least_ms: int) -> None:
    """Raises RefusedError."""
    if invisible_ms < least_ms:
        raise RefusedError(Code.ILLEGAL_INVISIBLE_TIME, f"the invisibleTime is too small. min is {least_ms}")
    if invisible_ms > MAX_INVISIBLE_MS:
        raise RefusedError(Code.ILLEGAL_INVISIBLE_TIME, f"the invisibleTime is too large. max is {MAX_INVISIBLE_MS}")


def _filter(expression: Any) -> Filter:
    return by_sql(expression.expression) if expression.type == definition.SQL else by_tags(expression.expression)
