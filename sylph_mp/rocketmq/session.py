"""One consumer group on one RocketMQ cluster, for one process; implements `ports.Session`. On the loop thread.

Usually all of it is one connection. Brokers whose proxies have their own addresses get a link each.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerError
from sylph_mp.ports import Health, Settled, Shape
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.rocketmq.endpoints import Addresses, parse_address
from sylph_mp.rocketmq.link import Link
from sylph_mp.rocketmq.links import Links
from sylph_mp.rocketmq.metadata import new_client_id
from sylph_mp.rocketmq.receipt_handle import broker_of
from sylph_mp.rocketmq.routes import BrokerRoute, Routes
from sylph_mp.rocketmq.settings import settings_of
from sylph_mp.rocketmq.subscription import Filter


class ConsumerSession:
    """To be made after a fork: the client id has the process id in it."""

    def __init__(self, *, instance: Instance, group: str, subscriptions: Mapping[str, Filter], clock: Clock) -> None:
        self._group = group
        self._subscriptions = subscriptions
        self._polls: dict[tuple[str, str, float], tuple[BrokerRoute, bytes]] = {}
        client_id = new_client_id()

        def new_link(addresses: Addresses) -> Link:
            calls = Calls.to(instance, client_id=client_id, clock=clock, addresses=addresses)
            return Link(calls, settings=settings_of(instance, group, subscriptions, addresses=addresses))

        self._links = Links(
            tuple(parse_address(text) for text in instance.endpoints),
            new_link=new_link,
            routes_of=lambda home: Routes(home.calls.query_route, topics=subscriptions),
        )

    @property
    def health(self) -> Health:
        return self._links.health

    async def start(self) -> Shape:
        """Raises StatusError for a topic without route, SettingsError for a group that is not accepted, and others.

        After an error it may be called again; `health` tells of all tries.
        """
        settings = await self._links.start()
        return Shape(
            fifo=settings.subscription.fifo,
            max_attempts=settings.backoff_policy.max_attempts,
            batch=settings.subscription.receive_batch_size,
        )

    async def stop(self) -> None:
        """Outstanding calls end with TransportError; let polls run out before."""
        await self._links.stop()

    async def receive(self, topic: str, *, batch: int, lease_s: float, attempt_id: str) -> Sequence[Delivery]:
        """From the next of the topic's brokers. Raises TransportError at once while the session is being reopened."""
        brokers = self._links.routes.in_turn(topic)
        link, route = self._links.first_open(brokers, failing=f"no broker to read topic {topic} from")
        poll = self._poll_of(link, route, topic, lease_s)
        return await link.ask(link.calls.receive(poll, batch=batch, attempt_id=attempt_id))

    async def ack(self, topic: str, entries: Sequence[tuple[str, str]]) -> Sequence[Settled]:
        """Raises nothing: an error of a whole request is that of each of its entries."""
        if len(self._links) == 1:
            return await self._ack_at(self._links.home, topic, entries)
        places: dict[Link, list[int]] = {}
        for place, (_, handle) in enumerate(entries):
            places.setdefault(self._links.of_broker(broker_of(handle)), []).append(place)
        parts = await asyncio.gather(
            *(self._ack_at(link, topic, [entries[place] for place in mine]) for link, mine in places.items())
        )
        outcomes = dict(zip(chain(*places.values()), chain(*parts), strict=True))
        return [outcomes[place] for place in range(len(entries))]

    async def renew(self, topic: str, message_id: str, handle: str, *, lease_s: float) -> str:
        link = self._links.of_broker(broker_of(handle))
        return await link.ask(
            link.calls.change_invisible_duration(
                self._group, topic, message_id, handle, duration_s=lease_s, suspend=True
            )
        )

    async def release(self, topic: str, message_id: str, handle: str, *, after_s: float, count_attempt: bool) -> None:
        link = self._links.of_broker(broker_of(handle))
        await link.ask(
            link.calls.change_invisible_duration(
                self._group, topic, message_id, handle, duration_s=after_s, suspend=not count_attempt
            )
        )

    async def dead_letter(self, topic: str, message_id: str, handle: str, *, attempt: int, limit: int) -> None:
        link = self._links.of_broker(broker_of(handle))
        await link.ask(
            link.calls.forward_to_dead_letter_queue(
                self._group, topic, message_id, handle, attempt=attempt, limit=limit
            )
        )

    def _poll_of(self, link: Link, route: BrokerRoute, topic: str, lease_s: float) -> bytes:
        """Encoded once for each route that is learned."""
        place = (topic, route.broker, lease_s)
        known = self._polls.get(place)
        if known is None or known[0] is not route:
            poll = link.calls.poll_of(self._group, route.queue, wanted=self._subscriptions[topic], lease_s=lease_s)
            self._polls[place] = known = (route, poll)
        return known[1]

    async def _ack_at(self, link: Link, topic: str, entries: Sequence[tuple[str, str]]) -> list[Settled]:
        try:
            return await link.ask(link.calls.ack(self._group, topic, entries))
        except BrokerError as error:
            return [Settled(error)] * len(entries)
