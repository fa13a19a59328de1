"""Sends messages that leave quarantine to their topics again; on a loop of its own, in the command's process."""

from collections.abc import Callable, Sequence

import uvloop
from msgspec import Struct

from sylph_mp.api.message import Message
from sylph_mp.cli.instances import reachable
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config, Instance
from sylph_mp.errors import BrokerError, UsageError
from sylph_mp.master.quarantine import Quarantined
from sylph_mp.producer.resend import Resender

#: Says of a released message which it was; its id is a new one.
ORIGIN_PROPERTY = "sylph-quarantine-id"


class Released(Struct, frozen=True, kw_only=True):
    message: Quarantined
    new_id: str


def release_all(
    messages: Sequence[Quarantined], *, config: Config, socket: str, done: Callable[[Released], None]
) -> list[Released]:
    """One after the other; `done` is told of each when the broker has stored it.

    Raises UsageError for an instance that is not configured, and at the first that is not stored BrokerError or
    BrokerRefusedError: the rest is not sent.
    """
    instances = {message.instance: _instance(message, config, socket) for message in messages}
    return uvloop.run(_release_all(messages, instances, done))


async def _release_all(
    messages: Sequence[Quarantined], instances: dict[str, Instance], done: Callable[[Released], None]
) -> list[Released]:
    resenders = {name: Resender(instance, clock=SystemClock()) for name, instance in instances.items()}
    released: list[Released] = []
    try:
        for message in messages:
            released.append(await _release(message, resenders[message.instance]))
            done(released[-1])
    except BrokerError as error:
        broker = instances[message.instance].endpoints[0]
        text = f"{message.id} stays in quarantine: broker {broker} has not stored it: {error}"
        raise BrokerError(text) from error
    finally:
        for resender in resenders.values():
            resender.close()
    return released


async def _release(message: Quarantined, resender: Resender) -> Released:
    origin = message.properties.get(ORIGIN_PROPERTY, message.id)
    outgoing = Message(
        id=message.id,
        topic=message.topic,
        body=message.body,
        tag=message.tag,
        keys=message.keys,
        properties=message.properties | {ORIGIN_PROPERTY: origin},
        group=message.message_group,
    )
    return Released(message=message, new_id=await resender.send(outgoing))


def _instance(message: Quarantined, config: Config, socket: str) -> Instance:
    instance = config.instances.get(message.instance)
    if instance is None:
        raise UsageError(f"{message.id} came from instance {message.instance}, which {config.path} does not have")
    return reachable(instance, socket)
