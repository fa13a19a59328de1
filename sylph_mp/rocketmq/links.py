"""The links of one session: one to the configured proxies, and one to each broker whose proxy has its own address.

On the loop thread. Brokers that come and go are followed.
"""

import asyncio
from collections.abc import Callable, Iterable

from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.errors import NotSentError
from sylph_mp.ports import Health
from sylph_mp.rocketmq.endpoints import Addresses
from sylph_mp.rocketmq.link import Link
from sylph_mp.rocketmq.routes import REFRESH_S, BrokerRoute, Routes


class Links:
    """Usually there is one, because all brokers are reached through the same addresses."""

    def __init__(self, home: Addresses, *, new_link: Callable[[Addresses], Link], routes_of: Callable[[Link], Routes]):
        self._home = home
        self._new_link = new_link
        self._links = {home: new_link(home)}
        self.routes = routes_of(self.home)
        self._refreshing: asyncio.Task[None] | None = None
        self._stopped = False

    def __len__(self) -> int:
        return len(self._links)

    @property
    def home(self) -> Link:
        return self._links[self._home]

    @property
    def health(self) -> Health:
        """That of the link which has failed for longest, else of the one answered last."""
        healths = [link.calls.health for link in self._links.values()]
        failing = [health for health in healths if health.failing_since is not None]
        if failing:
            return min(failing, key=lambda health: health.failing_since or 0.0)
        return max(healths, key=lambda health: health.answered_at or 0.0)

    async def start(self) -> definition_pb2.Settings:
        """Raises BrokerError; may be called again then."""
        await self.routes.load()
        settings = await self.home.start()
        await self._follow_routes()
        self._refreshing = asyncio.create_task(self._keep_routes())
        return settings

    async def stop(self) -> None:
        """Outstanding calls end with TransportError. Never raises; calling it again does nothing."""
        if self._stopped:
            return
        self._stopped = True
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        await asyncio.gather(*(link.stop() for link in self._links.values()))

    def of_broker(self, broker: str | None) -> Link:
        addresses = self.routes.address_of(broker) if len(self._links) > 1 else None
        return self.at(addresses or self._home)

    def at(self, addresses: Addresses) -> Link:
        return self._links.get(addresses, self.home)

    def first_open(self, routes: Iterable[BrokerRoute], *, failing: str) -> tuple[Link, BrokerRoute]:
        """The first of the brokers whose proxy knows the session. Raises NotSentError, `failing` if there is none."""
        reason = failing
        for route in routes:
            link = self._links.get(route.addresses)
            if link is None:
                continue
            if link.failure is None:
                return link, route
            reason = f"session is being reopened: {link.failure}"
        raise NotSentError(reason)

    async def _keep_routes(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            await self.routes.refresh()
            await self._follow_routes()

    async def _follow_routes(self) -> None:
        """Link the brokers that have come, leave those that are gone."""
        wanted = self.routes.all_addresses() | {self._home}
        new = {addresses: self._new_link(addresses) for addresses in wanted - self._links.keys()}
        gone = self._links.keys() - wanted
        self._links |= new
        await asyncio.gather(
            *(link.start_patiently() for link in new.values()), *(self._links[addresses].stop() for addresses in gone)
        )
        for addresses in gone:
            del self._links[addresses]
