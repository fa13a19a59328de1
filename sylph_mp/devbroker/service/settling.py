"""AckMessage, ChangeInvisibleDuration, ForwardMessageToDeadLetterQueue.

Called on the server's loop thread.
"""

from typing import Any

from rocketmq.grpc_protocol import service_pb2 as service

from sylph_mp.clock import Clock
from sylph_mp.devbroker.service.answers import ok, refused, status_of
from sylph_mp.devbroker.service.messages import full_name, milliseconds
from sylph_mp.devbroker.service.receiving import check_invisible
from sylph_mp.devbroker.store.broker import Broker
from sylph_mp.devbroker.store.refusal import Code, RefusedError


class Settling:
    def __init__(self, *, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock

    def ack(self, request: Any, _client: str) -> Any:
        """Each entry has its own status; the request's is theirs if they agree, else MULTIPLE_RESULTS."""
        if not request.entries:
            raise RefusedError(Code.INTERNAL_SERVER_ERROR, "ack message result is empty")
        handles = [entry.receipt_handle for entry in request.entries]
        outcomes = self._broker.ack(full_name(request.topic), full_name(request.group), handles, self._now_ms())
        statuses = [refused(outcome) if outcome else ok() for outcome in outcomes]
        codes = {status.code for status in statuses}
        common = statuses[0] if len(codes) == 1 else status_of(Code.MULTIPLE_RESULTS, "MULTIPLE_RESULTS")
        answer = service.AckMessageResponse(status=common)
        for entry, status in zip(request.entries, statuses, strict=True):
            answer.entries.add(message_id=entry.message_id, receipt_handle=entry.receipt_handle, status=status)
        return answer

    def change_invisible(self, request: Any, _client: str) -> Any:
        """The answer holds the handle to be used from now on."""
        invisible_ms = milliseconds(request.invisible_duration)
        check_invisible(invisible_ms, 0)
        handle = self._broker.change(
            full_name(request.topic),
            full_name(request.group),
            request.receipt_handle,
            invisible_ms=invisible_ms,
            count=not request.suspend,
            now_ms=self._now_ms(),
        )
        return service.ChangeInvisibleDurationResponse(status=ok(), receipt_handle=handle)

    def dead_letter(self, request: Any, _client: str) -> Any:
        topic, group = full_name(request.topic), full_name(request.group)
        self._broker.dead_letter(topic, group, request.receipt_handle, self._now_ms())
        return service.ForwardMessageToDeadLetterQueueResponse(status=status_of(Code.OK, "0"))

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)
