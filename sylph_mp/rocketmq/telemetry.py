"""Keeps the telemetry stream to one proxy open, and the session's settings accepted there.

On the loop thread. A lost stream is opened again at once; while the proxy is away, again and again.
"""

import asyncio
import sys
import traceback
from collections.abc import Callable

from google.protobuf.message import DecodeError
from rocketmq.grpc_protocol import definition_pb2, service_pb2

from sylph_mp.errors import BrokerError, TransportError
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.settings import ANSWER_S, explain_refusal, explain_silence
from sylph_mp.rocketmq.status import Code, check
from sylph_mp.rocketmq.stream import Stream

#: Waits between attempts to open the stream while the proxy is away: doubled from the first, up to the last.
_FIRST_WAIT_S = 0.05
_LAST_WAIT_S = 0.5


#: Takes what the server asks about a transaction that nobody has ended.
OnOrphan = Callable[[service_pb2.RecoverOrphanedTransactionCommand], None]


class Telemetry:
    def __init__(self, calls: Calls, *, settings: definition_pb2.Settings, on_orphan: OnOrphan | None = None) -> None:
        self._calls = calls
        self._settings = settings
        self._on_orphan = on_orphan
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._accepted: definition_pb2.Settings | None = None
        self._lost: BrokerError = TransportError("telemetry not open yet")
        self._was_accepted = False

    @property
    def failure(self) -> BrokerError | None:
        """Why the proxy knows no settings of this session now; None when it does."""
        return None if self._accepted else self._lost

    async def start(self) -> definition_pb2.Settings:
        """Open the stream, return what the server made of the settings. Raises BrokerError, with nothing left open."""
        settings = await self._open()
        self._task = asyncio.create_task(self._keep())
        return settings

    def start_in_background(self) -> None:
        self._task = asyncio.create_task(self._keep())

    def reopen(self) -> None:
        """Start over: the proxy has forgotten the settings, or asks for it."""
        if self._accepted is not None and self._stream is not None:
            self._accepted = None
            self._stream.close()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._stream is not None:
            self._stream.close()

    async def _keep(self) -> None:
        wait_s = 0.0
        while True:
            try:
                if self._accepted is None:
                    await self._open()
                wait_s = 0.0
                await self._listen()
            except BrokerError as error:
                self._accepted, self._lost = None, error
            await asyncio.sleep(wait_s)
            wait_s = min(_LAST_WAIT_S, max(_FIRST_WAIT_S, wait_s * 2))

    async def _open(self) -> definition_pb2.Settings:
        self._stream = stream = self._calls.open_telemetry()
        stream.post(service_pb2.TelemetryCommand(settings=self._settings).SerializeToString())
        try:
            async with asyncio.timeout(ANSWER_S):
                while self._accepted is None:
                    self._obey(await stream.receive())
        except TimeoutError:
            silence = f"no answer in {ANSWER_S:g} s"
            self._calls.start_over(silence)
            if self._was_accepted:
                raise TransportError(silence) from None
            raise explain_silence(self._settings) from None
        except BrokerError as error:
            stream.close()
            refusal = explain_refusal(error, self._settings)
            if refusal is error:
                raise
            raise refusal from error
        self._was_accepted = True
        return self._accepted

    async def _listen(self) -> None:
        """Until the stream is lost, which raises."""
        assert self._stream is not None
        while True:
            self._obey(await self._stream.receive())

    def _obey(self, frame: bytes) -> None:
        try:
            command = service_pb2.TelemetryCommand.FromString(frame)
        except DecodeError as error:
            raise TransportError(f"telemetry command cannot be parsed: {error}") from error
        kind = command.WhichOneof("command")
        if kind == "settings":
            check(command.status)
            self._accepted = command.settings
        elif kind == "recover_orphaned_transaction_command":
            if self._on_orphan is not None:
                self._on_orphan(command.recover_orphaned_transaction_command)
        elif kind == "print_thread_stack_trace_command":
            nonce = command.print_thread_stack_trace_command.nonce
            trace = service_pb2.ThreadStackTrace(nonce=nonce, thread_stack_trace=_stacks())
            self._answer(service_pb2.TelemetryCommand(status=_status(Code.OK), thread_stack_trace=trace))
        elif kind == "verify_message_command":
            result = service_pb2.VerifyMessageResult(nonce=command.verify_message_command.nonce)
            status = _status(Code.UNSUPPORTED, "handlers run only what was received")
            self._answer(service_pb2.TelemetryCommand(status=status, verify_message_result=result))
        elif kind == "reconnect_endpoints_command":
            self.reopen()

    def _answer(self, command: service_pb2.TelemetryCommand) -> None:
        assert self._stream is not None
        self._stream.post(command.SerializeToString())


def _status(code: int, text: str = "") -> definition_pb2.Status:
    return definition_pb2.Status(code=code, message=text)


def _stacks() -> str:
    """What every thread of this process is doing."""
    parts = [f"thread {ident}\n{''.join(traceback.format_stack(at))}" for ident, at in sys._current_frames().items()]
    return "\n".join(parts)
