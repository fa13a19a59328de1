"""Which brokers have a topic, and where their proxies are. On the loop thread."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from zlib import crc32

from msgspec import Struct
from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.errors import BrokerError
from sylph_mp.rocketmq.endpoints import Addresses, from_protobuf

REFRESH_S = 30.0

#: Permissions of a queue that consumers, and that producers, can use.
READABLE = frozenset({definition_pb2.READ, definition_pb2.READ_WRITE})
WRITABLE = frozenset({definition_pb2.WRITE, definition_pb2.READ_WRITE})


class BrokerRoute(Struct, frozen=True):
    """A broker that has usable queues of a topic; one queue stands for all, the broker chooses itself."""

    broker: str
    addresses: Addresses
    queue: definition_pb2.MessageQueue


def brokers_in(queues: Iterable[definition_pb2.MessageQueue], usable: frozenset[int]) -> tuple[BrokerRoute, ...]:
    """By name; of several servers of one broker the one with the lowest id, the master."""
    best: dict[str, definition_pb2.MessageQueue] = {}
    for queue in queues:
        known = best.get(queue.broker.name)
        if queue.permission in usable and (known is None or queue.broker.id < known.broker.id):
            best[queue.broker.name] = queue
    return tuple(
        BrokerRoute(name, from_protobuf(queue.broker.endpoints.addresses), queue)
        for name, queue in sorted(best.items())
    )


class Routes:
    """The newest known route of each topic."""

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[list[definition_pb2.MessageQueue]]],
        *,
        topics: Iterable[str],
        usable: frozenset[int] = READABLE,
    ) -> None:
        self._fetch = fetch
        self._usable = usable
        self._brokers: dict[str, tuple[BrokerRoute, ...]] = dict.fromkeys(topics, ())
        self._turns = dict.fromkeys(self._brokers, 0)
        self._addresses: dict[str, Addresses] = {}

    async def load(self) -> None:
        """Raises the first BrokerError, such as StatusError 40402 for a topic that does not exist."""
        for outcome in await self._fetch_all():
            if isinstance(outcome, BrokerError):
                raise outcome

    async def refresh(self) -> None:
        """What cannot be learned now stays as it was."""
        await self._fetch_all()

    def in_turn(self, topic: str) -> list[BrokerRoute]:
        """The topic's brokers, each time beginning with the next."""
        brokers = self._brokers[topic]
        self._turns[topic] += 1
        first = self._turns[topic] % len(brokers) if brokers else 0
        return [*brokers[first:], *brokers[:first]]

    def of_group(self, topic: str, group: str) -> list[BrokerRoute]:
        """The one broker of the topic that stores a message group, so that it stays in order; none without a route."""
        brokers = self._brokers[topic]
        return [brokers[crc32(group.encode()) % len(brokers)]] if brokers else []

    def address_of(self, broker: str | None) -> Addresses | None:
        return self._addresses.get(broker) if broker is not None else None

    def all_addresses(self) -> set[Addresses]:
        return set(self._addresses.values())

    async def _fetch_all(self) -> list[BrokerError | None]:
        outcomes = await asyncio.gather(*(self._fetch_one(topic) for topic in self._brokers))
        routes = [route for brokers in self._brokers.values() for route in brokers]
        self._addresses = {route.broker: route.addresses for route in routes}
        return outcomes

    async def _fetch_one(self, topic: str) -> BrokerError | None:
        try:
            self._brokers[topic] = brokers_in(await self._fetch(topic), self._usable)
        except BrokerError as error:
            return error
        return None
