"""One topic on one RocketMQ cluster, to send to; for one process. On the loop thread."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import Struct
from rocketmq.grpc_protocol import service_pb2

from sylph_mp.api.message import Message
from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.ports import Health
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.delivery import message_of
from sylph_mp.rocketmq.endpoints import Addresses, parse_address
from sylph_mp.rocketmq.link import Link
from sylph_mp.rocketmq.links import Links
from sylph_mp.rocketmq.metadata import new_client_id
from sylph_mp.rocketmq.routes import WRITABLE, Routes
from sylph_mp.rocketmq.settings import publishing_settings_of


class Stored(Struct, frozen=True):
    """What the answer to a send says of all its messages."""

    offset: int
    """Of the first; the others follow."""
    transaction_id: str
    broker: str = ""


class Orphan(Struct, frozen=True):
    """A transaction that the server asks about."""

    message: Message
    transaction_id: str
    addresses: Addresses
    """Of the proxy that asks."""


#: Is to `resolve` it at the session that is given, if it can.
OnOrphan = Callable[["PublishingSession", Orphan], Awaitable[None]]


class PublishingSession:
    """To be made after a fork: the client id has the process id in it."""

    def __init__(
        self,
        *,
        instance: Instance,
        topic: str,
        clock: Clock,
        on_orphan: OnOrphan | None = None,
    ) -> None:
        self._topic = topic
        self._on_orphan = on_orphan
        self._answering: set[asyncio.Task[None]] = set()
        client_id = new_client_id()

        def new_link(addresses: Addresses) -> Link:
            calls = Calls.to(instance, client_id=client_id, clock=clock, addresses=addresses)
            settings = publishing_settings_of(instance, topic, addresses=addresses)
            return Link(calls, settings=settings, on_orphan=partial(self._answer, addresses))

        self._links = Links(
            tuple(parse_address(text) for text in instance.endpoints),
            new_link=new_link,
            routes_of=lambda home: Routes(home.calls.query_route, topics=[topic], usable=WRITABLE),
        )

    @property
    def health(self) -> Health:
        return self._links.health

    async def start(self) -> int:
        """Returns how many bytes a body may have; 0 where the server does not say.

        Raises StatusError for a topic without route, and other BrokerErrors.
        """
        settings = await self._links.start()
        return int(settings.publishing.max_body_size)

    async def stop(self) -> None:
        for task in self._answering:
            task.cancel()
        if self._answering:
            await asyncio.wait(self._answering)
        await self._links.stop()

    async def send(self, request: bytes, *, group: str = "") -> Stored:
        """Store the messages of an encoded SendMessageRequest. Those of a message group go to one broker.

        Raises NotSentError at once while the session is being reopened.
        """
        routes = self._links.routes
        brokers = routes.of_group(self._topic, group) if group else routes.in_turn(self._topic)
        link, route = self._links.first_open(brokers, failing=f"no broker to send topic {self._topic} to")
        entry = (await link.ask(link.calls.send(request)))[0]
        return Stored(int(entry.offset), str(entry.transaction_id), route.broker)

    async def end_transaction(self, message_id: str, transaction_id: str, *, broker: str, commit: bool) -> None:
        """At the broker that has stored the half message. Raises StatusError if that does not know the transaction."""
        link = self._links.of_broker(broker)
        await link.ask(link.calls.end_transaction(self._topic, message_id, transaction_id, commit=commit, asked=False))

    async def resolve(self, orphan: Orphan, *, commit: bool) -> None:
        """Answer the server that has asked. Raises BrokerError; it will ask again."""
        link, message = self._links.at(orphan.addresses), orphan.message
        await link.ask(
            link.calls.end_transaction(self._topic, message.id, orphan.transaction_id, commit=commit, asked=True)
        )

    def _answer(self, addresses: Addresses, command: service_pb2.RecoverOrphanedTransactionCommand) -> None:
        if self._on_orphan is None:
            return
        task = asyncio.ensure_future(self._ask(self._on_orphan, addresses, command))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _ask(
        self, on_orphan: OnOrphan, addresses: Addresses, command: service_pb2.RecoverOrphanedTransactionCommand
    ) -> None:
        message = message_of(command.message, attempt=1)
        await on_orphan(self, Orphan(message, command.transaction_id, addresses))
