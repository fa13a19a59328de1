"""An embedded broker on a port: wires store and service, and turns the store's agenda by the loop's clock.

Runs on the loop thread that calls `start`. What it stores lives as long as the object, through a stop and a new start.
"""

import asyncio
from typing import Any

import grpc.aio

from sylph_mp.clock import Clock, SystemClock
from sylph_mp.devbroker.service.checks import Checks
from sylph_mp.devbroker.service.faults import Faults
from sylph_mp.devbroker.service.messaging import Messaging
from sylph_mp.devbroker.service.receiving import Receiving
from sylph_mp.devbroker.service.routing import Routing
from sylph_mp.devbroker.service.sending import Sending
from sylph_mp.devbroker.service.sessions import EXPIRES_MS, Sessions
from sylph_mp.devbroker.service.settling import Settling
from sylph_mp.devbroker.service.telemetry import Telemetry
from sylph_mp.devbroker.store.broker import Broker
from sylph_mp.errors import ResourceError

#: What all messages together may take before sends are refused.
MEMORY_BYTES = 256 << 20
#: The proxy's own limit of one request (grpcMaxInboundMessageSize).
MAX_REQUEST_BYTES = 130 << 20
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
    # Without this a second server would share the port silently.
    ("grpc.so_reuseport", 0),
]


class Server:
    """`broker` may be used on the server's loop, `faults` from any thread."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, memory_bytes: int = MEMORY_BYTES, clock: Clock | None = None
    ) -> None:
        self.host = host
        self.port = port
        """0: the first start chooses one, and later ones keep it."""
        self.faults = Faults()
        self._clock = clock or SystemClock()
        self._sessions = Sessions()
        self.broker = Broker(
            memory_bytes=memory_bytes, alive=self._sessions.alive, ask=Checks(sessions=self._sessions).ask
        )
        self._grpc: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._expire(self._now_ms())

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises ResourceError if the port is taken."""
        self._grpc = grpc.aio.server(options=OPTIONS)
        try:
            self.port = self._grpc.add_insecure_port(self.endpoint)
        except RuntimeError as error:
            raise ResourceError(f"the embedded broker cannot listen on {self.endpoint}") from error
        self._grpc.add_generic_rpc_handlers((self._messaging().handlers(),))
        await self._grpc.start()
        self.broker.agenda.on_earlier = self._wind
        self._wind()

    async def stop(self) -> None:
        """End all calls at once and close the port."""
        self.broker.agenda.on_earlier = None
        if self._timer is not None:
            self._timer.cancel()
        if self._grpc is not None:
            await self._grpc.stop(None)
            self._grpc = None

    def _messaging(self) -> Messaging:
        return Messaging(
            routing=Routing(broker=self.broker, host=self.host, port=self.port),
            sending=Sending(broker=self.broker, clock=self._clock),
            receiving=Receiving(
                broker=self.broker, sessions=self._sessions, clock=self._clock, store_host=self.endpoint
            ),
            settling=Settling(broker=self.broker, clock=self._clock),
            telemetry=Telemetry(broker=self.broker, sessions=self._sessions, clock=self._clock),
            faults=self.faults,
        )

    def _wind(self) -> None:
        """Set the timer to what is next on the agenda."""
        if self._timer is not None:
            self._timer.cancel()
        next_ms = self.broker.agenda.next_ms
        if next_ms is not None:
            wait_s = max(0.0, next_ms / 1000 - self._clock.time())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._turn)

    def _turn(self) -> None:
        self.broker.agenda.run(self._now_ms())
        self._wind()

    def _expire(self, now_ms: int) -> None:
        """Forget silent clients, now and from time to time."""
        for client in self._sessions.expire(now_ms):
            self.broker.abandon(client, now_ms)
        self.broker.agenda.add(now_ms + EXPIRES_MS // 4, self._expire)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)
