"""What is sent together is bounded as what is sent one by one is."""

import asyncio
import time

import pytest

from sylph_mp.config.schema import Producers as Settings
from sylph_mp.errors import SaturatedError
from sylph_mp.ports import Health
from sylph_mp.producer import publisher
from sylph_mp.producer.async_producers import AsyncProducers
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.publishing_session import Stored

#: Of each message, encoded; a few bytes more or less with the millisecond.
SIZE = len(Encoder("", Limits()).encode(Outgoing(topic="orders", payload=b"x"), time.time()).part)


class Session:
    """Answers when it is told to."""

    asked: asyncio.Event
    may_answer: asyncio.Event

    def __init__(self, **_):
        self.health = Health(endpoint="", answered_at=1.0, failing_since=None, tries=0, error=None)

    async def start(self):
        return 4 << 20

    async def stop(self):
        pass

    async def send(self, request, *, group=""):
        self.asked.set()
        await self.may_answer.wait()
        return Stored(100, "", "broker-a")


@pytest.mark.parametrize(
    ("settings", "stored"),
    [
        (Settings(saturation="raise", queue=10), 10),
        (Settings(saturation="raise", queue_bytes=10 * SIZE + SIZE // 2), 10),
        (Settings(saturation="raise"), 40),
    ],
)
def test_what_has_no_room_is_refused_message_by_message(monkeypatch, settings, stored):
    monkeypatch.setattr(publisher, "PublishingSession", Session)

    async def run():
        Session.asked, Session.may_answer = asyncio.Event(), asyncio.Event()
        async with AsyncProducers("127.0.0.1:1", settings=settings) as producers:
            sending = asyncio.ensure_future(producers.normal("orders").send_many([b"x"] * 40))
            await Session.asked.wait()
            Session.may_answer.set()
            receipts = await sending
        errors = [type(receipt.error) for receipt in receipts]
        assert len({receipt.id for receipt in receipts}) == 40
        assert errors[:stored] == [type(None)] * stored
        assert errors[stored:] == [SaturatedError] * (40 - stored)

    asyncio.run(run())
