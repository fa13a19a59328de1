"""QueryRoute and QueryAssignment: this server is the only broker, and has every queue.

Called on the server's loop thread.
"""

from typing import Any

from rocketmq.grpc_protocol import definition_pb2 as definition
from rocketmq.grpc_protocol import service_pb2 as service

from sylph_mp.devbroker.service.admission import check_topic_name
from sylph_mp.devbroker.service.answers import ok
from sylph_mp.devbroker.service.messages import full_name
from sylph_mp.devbroker.store.broker import Broker
from sylph_mp.devbroker.store.handle import BROKER

#: The queue of an assignment that means all of the broker's.
ALL_QUEUES = -1


class Routing:
    def __init__(self, *, broker: Broker, host: str, port: int) -> None:
        self._broker = broker
        self._host = host
        self._port = port

    def route(self, request: Any, _client: str) -> Any:
        check_topic_name(request.topic.name)
        topic = self._broker.topic(full_name(request.topic))
        queues = [self._queue(request.topic, queue.number) for queue in topic.queues]
        for queue in queues:
            queue.accept_message_types.append(topic.kind)
        return service.QueryRouteResponse(status=ok(), message_queues=queues)

    def assignment(self, request: Any, _client: str) -> Any:
        """A FIFO group gets every queue by its number, another one a single assignment; so does each consumer."""
        topic = self._broker.topic(full_name(request.topic))
        group = self._broker.group(full_name(request.group))
        numbers = [queue.number for queue in topic.queues] if group is not None and group.fifo else [ALL_QUEUES]
        assignments = [definition.Assignment(message_queue=self._queue(request.topic, number)) for number in numbers]
        return service.QueryAssignmentResponse(status=ok(), assignments=assignments)

    def _queue(self, topic: Any, number: int) -> Any:
        address = definition.Address(host=self._host, port=self._port)
        endpoints = definition.Endpoints(scheme=definition.IPv4, addresses=[address])
        broker = definition.Broker(name=BROKER, endpoints=endpoints)
        return definition.MessageQueue(topic=topic, id=number, permission=definition.READ_WRITE, broker=broker)
