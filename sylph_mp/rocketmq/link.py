"""A session's tie to one proxy: its calls, telemetry and heartbeat. On the loop thread."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.errors import BrokerError, NotSentError, StatusError
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.settings import is_access_refused
from sylph_mp.rocketmq.status import forgets_settings
from sylph_mp.rocketmq.telemetry import OnOrphan, Telemetry

T = TypeVar("T")

HEARTBEAT_S = 10.0
#: A proxy that is told of the end in vain finds out by the missing heartbeats, after 120 s.
_FAREWELL_S = 1.0


class Link:
    def __init__(self, calls: Calls, *, settings: definition_pb2.Settings, on_orphan: OnOrphan | None = None) -> None:
        self.calls = calls
        self._client_type = settings.client_type
        self._group = settings.subscription.group if settings.HasField("subscription") else None
        self._telemetry = Telemetry(calls, settings=settings, on_orphan=on_orphan)
        self._heartbeat: asyncio.Task[None] | None = None

    @property
    def failure(self) -> BrokerError | None:
        """Why the proxy does not know this session now."""
        return self._telemetry.failure

    async def start(self) -> definition_pb2.Settings:
        """Raises BrokerError; `stop` is due then as well."""
        await self._check_access()
        settings = await self._telemetry.start()
        self._heartbeat = asyncio.create_task(self._beat())
        return settings

    async def start_patiently(self) -> None:
        """Go on in the background where `start` would raise."""
        try:
            await self._telemetry.start()
        except BrokerError:
            self._telemetry.start_in_background()
        self._heartbeat = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Tell the proxy if it is there; close everything. Never raises."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.wait([self._heartbeat])
        if self._telemetry.failure is None:
            with suppress(BrokerError):  # the proxy finds out by itself
                await self.calls.notify_termination(self._group, timeout_s=_FAREWELL_S)
        await self._telemetry.stop()
        self.calls.close()

    async def ask(self, call: Awaitable[T]) -> T:
        """Await one of `calls`; an answer that says the settings are gone sends them again."""
        try:
            return await call
        except StatusError as error:
            if forgets_settings(error):
                self._telemetry.reopen()
                raise NotSentError("the proxy has forgotten the session's settings") from error
            raise

    async def _check_access(self) -> None:
        """5.5.0 refuses a heartbeat for lack of access in words, where it leaves telemetry unanswered."""
        try:
            await self.calls.heartbeat(self._client_type, self._group)
        except StatusError as error:
            if is_access_refused(error):
                raise

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self._telemetry.failure is None:
                with suppress(BrokerError):  # the calls' record shows it, and telemetry notices a lost connection
                    await self.ask(self.calls.heartbeat(self._client_type, self._group))
