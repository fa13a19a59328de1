"""Sends a message to its topic again, as a new one. On the loop of a command that runs for that alone."""

from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.api.message import Message
from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerRefusedError
from sylph_mp.producer.encoding import Encoder, Kind
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id


class Resender:
    """Of one instance. `close` when done."""

    def __init__(self, instance: Instance, *, clock: Clock) -> None:
        self._calls = Calls.to(instance, client_id=new_client_id(), clock=clock)
        self._encoder = Encoder(instance.namespace, Limits())
        self._clock = clock

    async def send(self, message: Message) -> str:
        """Body, tag, keys, properties and message group as they are; returns the new id once it is stored.

        Raises BrokerError, and BrokerRefusedError for a topic that takes no such message.
        """
        accepted = {
            kind for queue in await self._calls.query_route(message.topic) for kind in queue.accept_message_types
        }
        outgoing = Outgoing(
            topic=message.topic,
            payload=message.body,
            tag=message.tag,
            keys=message.keys,
            properties=message.properties,
            group=message.group,
            deliver_after_s=0.0 if _kind(message, accepted) is Kind.DELAY else None,
        )
        encoded = self._encoder.encode(outgoing, self._clock.time())
        await self._calls.send(encoded.part)
        return encoded.id

    def close(self) -> None:
        self._calls.close()


def _kind(message: Message, accepted: set[int]) -> Kind:
    """What the topic takes (its attribute message.type). A broker that does not say takes everything."""
    fitting = (Kind.FIFO,) if message.group is not None else (Kind.NORMAL, Kind.DELAY)
    for kind in fitting:
        if not accepted or kind in accepted:
            return kind
    names = ", ".join(sorted(definition_pb2.MessageType.Name(kind) for kind in accepted))
    raise BrokerRefusedError(f"topic {message.topic} takes {names} messages only, and this one cannot be sent as such")
