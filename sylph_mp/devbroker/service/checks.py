"""Asks producers over their telemetry streams what becomes of a half message.

Called on the server's loop thread.
"""

from rocketmq.grpc_protocol import definition_pb2 as definition
from rocketmq.grpc_protocol import service_pb2 as service

from sylph_mp.devbroker.service.messages import message_of
from sylph_mp.devbroker.service.sessions import Sessions
from sylph_mp.devbroker.store.transactions import Half


class Checks:
    def __init__(self, *, sessions: Sessions) -> None:
        self._sessions = sessions

    def ask(self, half: Half, transaction_id: str) -> None:
        """Any client that publishes the topic may answer; if none is connected, the next check asks again."""
        outbox = self._sessions.publisher(half.topic)
        if outbox is None:
            return
        message = message_of(definition.Resource(name=half.topic), half.record)
        message.user_properties["TRANSACTION_CHECK_TIMES"] = str(half.checks)
        recover = service.RecoverOrphanedTransactionCommand(message=message, transaction_id=transaction_id)
        outbox.put_nowait(service.TelemetryCommand(recover_orphaned_transaction_command=recover))
