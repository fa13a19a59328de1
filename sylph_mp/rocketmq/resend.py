"""Sends a message to its topic again, as a new one. On the loop of a command that runs for that alone."""

import socket

from rocketmq.grpc_protocol import definition_pb2
from rocketmq.v5.util import MessageIdCodec

from sylph_mp.api.message import Message
from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerRefusedError
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id
from sylph_mp.rocketmq.official_client import import_official_client


class Resender:
    """Of one instance. `close` when done."""

    def __init__(self, instance: Instance, *, clock: Clock) -> None:
        import_official_client()
        self._calls = Calls.to(instance, client_id=new_client_id(), clock=clock)
        self._ids = MessageIdCodec()

    async def send(self, message: Message) -> str:
        """Body, tag, keys, properties and message group as they are; returns the new id once it is stored.

        Raises BrokerError, and BrokerRefusedError for a topic that takes no such message.
        """
        accepted = {
            kind for queue in await self._calls.query_route(message.topic) for kind in queue.accept_message_types
        }
        outgoing = self._outgoing(message, _kind(message, accepted))
        await self._calls.send([outgoing])
        return str(outgoing.system_properties.message_id)

    def close(self) -> None:
        self._calls.close()

    def _outgoing(self, message: Message, kind: int) -> definition_pb2.Message:
        outgoing = definition_pb2.Message(
            topic=self._calls.resource(message.topic), user_properties=message.properties, body=message.body
        )
        system = outgoing.system_properties
        system.message_id = self._ids.next_message_id()
        system.message_type = kind
        system.body_encoding = definition_pb2.IDENTITY
        system.keys.extend(message.keys)
        system.born_timestamp.GetCurrentTime()
        system.born_host = socket.gethostname()
        if message.tag is not None:
            system.tag = message.tag
        if kind == definition_pb2.FIFO:
            system.message_group = message.group
        elif kind == definition_pb2.DELAY:
            system.delivery_timestamp.CopyFrom(system.born_timestamp)  # at once
        return outgoing


def _kind(message: Message, accepted: set[int]) -> int:
    """What the topic takes (its attribute message.type). A broker that does not say takes everything."""
    fitting = (definition_pb2.FIFO,) if message.group is not None else (definition_pb2.NORMAL, definition_pb2.DELAY)
    for kind in fitting:
        if not accepted or kind in accepted:
            return int(kind)
    names = ", ".join(sorted(definition_pb2.MessageType.Name(kind) for kind in accepted))
    raise BrokerRefusedError(f"topic {message.topic} takes {names} messages only, and this one cannot be sent as such")
