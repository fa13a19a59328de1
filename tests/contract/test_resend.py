"""A message that is sent again comes as it was, in a topic of each type that takes one."""

import asyncio

import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from sylph_mp.api.message import Message
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerRefusedError, StatusError
from sylph_mp.producer.resend import Resender

BODY = b"\x00\xff" + b"x" * 100_000


def send_again(endpoint, topic, *, group=None):
    async def run():
        resender = Resender(Instance(name="default", endpoints=(endpoint,)), clock=SystemClock())
        try:
            return await resender.send(
                Message(
                    id="OLD", topic=topic, body=BODY, tag="pdf", keys=("a", "b"), properties={"p": "1"}, group=group
                )
            )
        finally:
            resender.close()

    return asyncio.run(run())


@pytest.mark.parametrize(("kind", "group"), [("NORMAL", None), ("DELAY", None), ("FIFO", "o-17")])
def test_it_comes_as_it_was(broker, place, kind, group):
    here = place(kind)

    new_id = send_again(broker.endpoint, here.topic, group=group)

    [received] = here.collect(1)
    system = received.system_properties
    assert (system.message_id, system.tag, list(system.keys)) == (new_id, "pdf", ["a", "b"])
    assert received.body == BODY
    assert received.user_properties["p"] == "1"
    assert system.message_group == (group or "")
    assert system.message_type == d.MessageType.Value(kind)


def test_a_topic_that_takes_none_is_said(broker, place):
    with pytest.raises(BrokerRefusedError, match="takes TRANSACTION messages only"):
        send_again(broker.endpoint, place("TRANSACTION").topic)
    with pytest.raises(StatusError, match="40402"):
        send_again(broker.endpoint, "no-such-topic-anywhere")
