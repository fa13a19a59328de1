"""A session that cannot be opened is tried again; the log tells of it when the master no longer does."""

import asyncio

from sylph_mp.consumer.sessions import MASTER_TELLS_S, MAX_WAIT_S, Sessions
from sylph_mp.errors import TransportError
from sylph_mp.logs import Log, heard_by
from sylph_mp.master.journal import Journal
from sylph_mp.testing.fake_clients import FakeClients
from tests.unit.hands import Hands


class PausedHands(Hands):
    """Only pauses move them."""

    async def pause(self, seconds):
        self.now += seconds


class AwayAtFirst(FakeClients):
    def __init__(self, hands, until):
        super().__init__()
        self._hands, self._until = hands, until
        self.tries = 0

    async def open(self, instance, group):
        self.tries += 1
        if self._hands.now < self._until:
            raise TransportError("connection refused\nby 127.0.0.1:1")
        return await super().open(instance, group)


def opened(subscription, *, away_s):
    """What was said, each with the second, and the clients."""
    hands = PausedHands()
    began, journal = hands.now, Journal(hands)
    clients = AwayAtFirst(hands, began + away_s)
    sessions = Sessions(
        subscriptions=[subscription],
        clients=clients,
        endpoints={"default": "127.0.0.1:1"},
        clock=hands,
        log=Log("slot 1"),
        pause=hands.pause,
    )
    with heard_by(journal):
        asyncio.run(sessions.open())
    return [(event.line.at.timestamp() - began, event.line.text) for event in journal.after(0)], clients


def test_what_the_master_tells_of_is_not_said_twice(subscribe):
    said, clients = opened(subscribe(), away_s=MASTER_TELLS_S - MAX_WAIT_S)
    assert said == []
    assert clients.tries > 10


def test_a_broker_away_for_longer_is_said_with_its_reason(subscribe):
    said, _ = opened(subscribe(), away_s=MASTER_TELLS_S + 10)
    at, text = said[0]
    assert MASTER_TELLS_S < at <= MASTER_TELLS_S + MAX_WAIT_S
    assert text == "not open yet: connection refused"
