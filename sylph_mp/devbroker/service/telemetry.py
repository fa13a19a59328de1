"""Telemetry, Heartbeat, NotifyClientTermination: who is there, with which settings.

    client                                    server
      │ ── TelemetryCommand{settings} ───────►  │   kept under the client's id
      │ ◄─ TelemetryCommand{status, settings} ─ │   with what the server adds: fifo, batch size, retry policy
      │ ◄─ recover_orphaned_transaction ─────── │   at any time

Runs on the server's loop thread.
"""

import asyncio
from typing import Any

import grpc
from rocketmq.grpc_protocol import definition_pb2 as definition
from rocketmq.grpc_protocol import service_pb2 as service

from sylph_mp.clock import Clock
from sylph_mp.devbroker.service.admission import MAX_BODY_BYTES
from sylph_mp.devbroker.service.answers import ok
from sylph_mp.devbroker.service.messages import full_name
from sylph_mp.devbroker.service.receiving import MAX_POLL_S, MOST_MESSAGES
from sylph_mp.devbroker.service.sessions import Outbox, Session, Sessions
from sylph_mp.devbroker.store.broker import Broker
from sylph_mp.devbroker.store.group import Group
from sylph_mp.devbroker.store.refusal import Code, RefusedError

#: Seconds between deliveries that RocketMQ's default policy tells push consumers.
BACKOFF_S = (1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200)
PUBLISHER_ATTEMPTS = 3


class SettingsRefusedError(Exception):
    """The stream ends with INVALID_ARGUMENT and this text."""


class Telemetry:
    def __init__(self, *, broker: Broker, sessions: Sessions, clock: Clock) -> None:
        self._broker = broker
        self._sessions = sessions
        self._clock = clock

    async def stream(self, commands: Any, context: Any, client: str) -> None:
        """Answer settings until the client ends the stream, and write what else is for the client meanwhile."""
        outbox: Outbox = asyncio.Queue()
        writer = asyncio.create_task(_write(outbox, context))
        try:
            async for command in commands:
                if command.HasField("settings"):
                    outbox.put_nowait(self._accept(client, command.settings, outbox))
        except SettingsRefusedError as refusal:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refusal))
        finally:
            self._sessions.disconnect(outbox)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def heartbeat(self, request: Any, client: str) -> Any:
        self._sessions.heartbeat(client, self._now_ms())
        group = full_name(request.group)
        if group and self._broker.group(group) is None:
            raise RefusedError(Code.ILLEGAL_CONSUMER_GROUP, f"group not found: {group}")
        return service.HeartbeatResponse(status=ok())

    def terminate(self, _request: Any, client: str) -> Any:
        self._sessions.terminate(client)
        self._broker.abandon(client, self._now_ms())
        return service.NotifyClientTerminationResponse(status=ok())

    def _accept(self, client: str, settings: Any, outbox: Outbox) -> Any:
        answered = definition.Settings()
        answered.CopyFrom(settings)
        topics: tuple[str, ...] = ()
        if settings.HasField("publishing"):
            topics = tuple(full_name(topic) for topic in settings.publishing.topics)
            _complete_publishing(answered)
        elif settings.HasField("subscription") and settings.subscription.group.name:
            group = full_name(settings.subscription.group)
            known = self._broker.group(group)
            if known is None:
                raise SettingsRefusedError(f"process client telemetryCommand failed. group not found: {group}")
            _complete_subscription(answered, known)
        else:
            raise SettingsRefusedError("there is no publishing or subscription data in settings")
        self._sessions.register(client, Session(topics, self._now_ms(), outbox))
        return service.TelemetryCommand(status=ok(), settings=answered)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)


async def _write(outbox: Outbox, context: Any) -> None:
    while True:
        await context.write(await outbox.get())


def _complete_publishing(settings: Any) -> None:
    settings.publishing.max_body_size = MAX_BODY_BYTES
    settings.publishing.validate_message_type = True
    settings.backoff_policy.max_attempts = PUBLISHER_ATTEMPTS
    backoff = settings.backoff_policy.exponential_backoff
    backoff.initial.FromMilliseconds(10)
    backoff.max.FromSeconds(1)
    backoff.multiplier = 2


def _complete_subscription(settings: Any, group: Group) -> None:
    subscription = settings.subscription
    subscription.fifo = group.fifo
    subscription.receive_batch_size = MOST_MESSAGES
    subscription.long_polling_timeout.FromSeconds(int(MAX_POLL_S))
    settings.backoff_policy.max_attempts = group.max_attempts
    for seconds in BACKOFF_S:
        settings.backoff_policy.customized_backoff.next.add().FromSeconds(seconds)
