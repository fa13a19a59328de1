"""SendMessage, EndTransaction, RecallMessage.

Called on the server's loop thread.
"""

import base64
from typing import Any

from rocketmq.grpc_protocol import definition_pb2 as definition
from rocketmq.grpc_protocol import service_pb2 as service

from sylph_mp.clock import Clock
from sylph_mp.devbroker.service.admission import check_request, check_same_topic, check_topic_name
from sylph_mp.devbroker.service.answers import ok
from sylph_mp.devbroker.service.messages import full_name, milliseconds, record_of
from sylph_mp.devbroker.store.broker import Broker
from sylph_mp.devbroker.store.handle import BROKER
from sylph_mp.devbroker.store.record import Kind, Record
from sylph_mp.devbroker.store.refusal import Code, RefusedError


class Sending:
    def __init__(self, *, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock

    def send(self, request: Any, _client: str) -> Any:
        """All messages of a request are stored or none; the answer has one entry however many they are."""
        now_ms = int(self._clock.time() * 1000)
        messages = request.messages
        check_same_topic(messages)
        topic = full_name(messages[0].topic)
        check_topic_name(messages[0].topic.name)
        check_request(messages, accepts=self._broker.kind_of(topic), now_ms=now_ms)
        records = [record_of(message) for message in messages]
        entry = self._begin(topic, messages[0], records[0], now_ms) if records[0].kind is Kind.TRANSACTION else None
        return service.SendMessageResponse(status=ok(), entries=[entry or self._store(topic, records, now_ms)])

    def end_transaction(self, request: Any, _client: str) -> Any:
        """COMMIT delivers the half message, ROLLBACK drops it; with anything else it waits to be asked about."""
        if request.resolution in (definition.COMMIT, definition.ROLLBACK):
            commit = request.resolution == definition.COMMIT
            self._broker.end(request.transaction_id, commit=commit, now_ms=int(self._clock.time() * 1000))
        return service.EndTransactionResponse(status=ok())

    def recall(self, request: Any, _client: str) -> Any:
        """A broker with RocketMQ's default settings (recallMessageEnable=false) recalls nothing."""
        if not base64.urlsafe_b64decode(request.recall_handle).startswith(b"v1 "):
            raise RefusedError(Code.INTERNAL_SERVER_ERROR, "recall handle is invalid")
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, "recall failed, operation is forbidden")

    def _begin(self, topic: str, message: Any, record: Record, now_ms: int) -> Any:
        after_ms = milliseconds(message.system_properties.orphaned_transaction_recovery_duration)
        transaction = self._broker.begin(topic, record, check_after_ms=after_ms, now_ms=now_ms)
        return service.SendResultEntry(status=ok(), message_id=record.id, transaction_id=transaction)

    def _store(self, topic: str, records: list[Record], now_ms: int) -> Any:
        """As on 5.5.0, a batch's entry has the first message's id as transaction_id and one of the server's own."""
        offset = self._broker.send(topic, records, now_ms)
        first = records[0]
        entry = service.SendResultEntry(status=ok(), offset=offset, message_id=first.id, transaction_id=first.id)
        if len(records) > 1:
            entry.message_id = f"FD{first.id}"
        if first.deliver_at_ms is not None and first.deliver_at_ms > now_ms:
            text = f"v1 {topic} {BROKER} {first.deliver_at_ms} {first.id}"
            entry.recall_handle = base64.urlsafe_b64encode(text.encode()).decode()
        return entry
