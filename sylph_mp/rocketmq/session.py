"""One consumer group on one RocketMQ cluster, for one process; implements `ports.Session`. On the loop thread.

Usually all of it is one connection. Brokers whose proxies have their own addresses get a link each.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerError, TransportError
from sylph_mp.ports import Health, Settled, Shape
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.rocketmq.endpoints import Addresses, parse_address
from sylph_mp.rocketmq.link import Link
from sylph_mp.rocketmq.metadata import new_client_id
from sylph_mp.rocketmq.receipt_handle import broker_of
from sylph_mp.rocketmq.routes import REFRESH_S, BrokerRoute, Routes
from sylph_mp.rocketmq.settings import settings_of
from sylph_mp.rocketmq.subscription import Filter


class ConsumerSession:
    """To be made after a fork: the client id has the process id in it."""

    def __init__(self, *, instance: Instance, group: str, subscriptions: Mapping[str, Filter], clock: Clock) -> None:
        self._instance = instance
        self._group = group
        self._subscriptions = subscriptions
        self._clock = clock
        self._client_id = new_client_id()
        self._home: Addresses = tuple(parse_address(text) for text in instance.endpoints)
        self._links = {self._home: self._new_link(self._home)}
        self._routes = Routes(self._links[self._home].calls.query_route, topics=subscriptions)
        self._refreshing: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def health(self) -> Health:
        """That of the link which has failed for longest, else of the one answered last."""
        healths = [link.calls.health for link in self._links.values()]
        failing = [health for health in healths if health.failing_since is not None]
        if failing:
            return min(failing, key=lambda health: health.failing_since or 0.0)
        return max(healths, key=lambda health: health.answered_at or 0.0)

    async def start(self) -> Shape:
        """Raises StatusError for a topic without route, SettingsError for a group that is not accepted, and others.

        After an error it may be called again; `health` tells of all tries.
        """
        await self._routes.load()
        settings = await self._links[self._home].start()
        await self._follow_routes()
        self._refreshing = asyncio.create_task(self._keep_routes())
        return Shape(
            fifo=settings.subscription.fifo,
            max_attempts=settings.backoff_policy.max_attempts,
            batch=settings.subscription.receive_batch_size,
        )

    async def stop(self) -> None:
        """Outstanding calls end with TransportError; let polls run out before."""
        if self._stopped:
            return
        self._stopped = True
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        await asyncio.gather(*(link.stop() for link in self._links.values()))

    async def receive(self, topic: str, *, batch: int, lease_s: float, attempt_id: str) -> Sequence[Delivery]:
        """From the next of the topic's brokers. Raises TransportError at once while the session is being reopened."""
        link, route = self._next_broker(topic)
        return await link.ask(
            link.calls.receive(
                self._group,
                route.queue,
                wanted=self._subscriptions[topic],
                batch=batch,
                lease_s=lease_s,
                attempt_id=attempt_id,
            )
        )

    async def ack(self, topic: str, entries: Sequence[tuple[str, str]]) -> Sequence[Settled]:
        """Raises nothing: an error of a whole request is that of each of its entries."""
        if len(self._links) == 1:
            return await self._ack_at(self._links[self._home], topic, entries)
        places: dict[Link, list[int]] = {}
        for place, (_, handle) in enumerate(entries):
            places.setdefault(self._link_of(handle), []).append(place)
        parts = await asyncio.gather(
            *(self._ack_at(link, topic, [entries[place] for place in mine]) for link, mine in places.items())
        )
        outcomes = dict(zip(chain(*places.values()), chain(*parts), strict=True))
        return [outcomes[place] for place in range(len(entries))]

    async def renew(self, topic: str, message_id: str, handle: str, *, lease_s: float) -> str:
        link = self._link_of(handle)
        return await link.ask(
            link.calls.change_invisible_duration(
                self._group, topic, message_id, handle, duration_s=lease_s, suspend=True
            )
        )

    async def release(self, topic: str, message_id: str, handle: str, *, after_s: float, count_attempt: bool) -> None:
        link = self._link_of(handle)
        await link.ask(
            link.calls.change_invisible_duration(
                self._group, topic, message_id, handle, duration_s=after_s, suspend=not count_attempt
            )
        )

    async def dead_letter(self, topic: str, message_id: str, handle: str, *, attempt: int, limit: int) -> None:
        link = self._link_of(handle)
        await link.ask(
            link.calls.forward_to_dead_letter_queue(
                self._group, topic, message_id, handle, attempt=attempt, limit=limit
            )
        )

    async def _ack_at(self, link: Link, topic: str, entries: Sequence[tuple[str, str]]) -> list[Settled]:
        try:
            return await link.ask(link.calls.ack(self._group, topic, entries))
        except BrokerError as error:
            return [Settled(error)] * len(entries)

    def _next_broker(self, topic: str) -> tuple[Link, BrokerRoute]:
        reason = f"no broker to read topic {topic} from"
        for route in self._routes.in_turn(topic):
            link = self._links.get(route.addresses)
            if link is None:
                continue
            if link.failure is None:
                return link, route
            reason = f"session is being reopened: {link.failure}"
        raise TransportError(reason)

    def _link_of(self, handle: str) -> Link:
        """The link to the broker that holds the delivery."""
        addresses = self._routes.address_of(broker_of(handle)) if len(self._links) > 1 else None
        return self._links.get(addresses or self._home, self._links[self._home])

    def _new_link(self, addresses: Addresses) -> Link:
        calls = Calls.to(self._instance, client_id=self._client_id, clock=self._clock, addresses=addresses)
        settings = settings_of(self._instance, self._group, self._subscriptions, addresses=addresses)
        return Link(calls, group=self._group, settings=settings)

    async def _keep_routes(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            await self._routes.refresh()
            await self._follow_routes()

    async def _follow_routes(self) -> None:
        """Link the brokers that have come, leave those that are gone."""
        wanted = self._routes.all_addresses() | {self._home}
        new = {addresses: self._new_link(addresses) for addresses in wanted - self._links.keys()}
        gone = self._links.keys() - wanted
        self._links |= new
        await asyncio.gather(
            *(link.start_patiently() for link in new.values()), *(self._links[addresses].stop() for addresses in gone)
        )
        for addresses in gone:
            del self._links[addresses]
