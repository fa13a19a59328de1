"""What programs read over HTTP: the status object, metrics and health probes.

On the master's loop thread; no consumer and no broker is asked.
"""

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from sylph_mp.control.history import History
from sylph_mp.control.http_messages import Request, Response, Routes
from sylph_mp.control.metrics import CONTENT_TYPE, exposition
from sylph_mp.control.status import Snapshot

Look = Callable[[], Awaitable[Snapshot]]


class Health(Struct, frozen=True, kw_only=True):
    """The body of a probe's answer."""

    probe: str
    ok: bool
    state: str | None = None
    """That of the master."""
    verdict: str | None = None
    """For people who look; a probe does not depend on it."""
    sentence: str | None = None


class Endpoints:
    def __init__(self, *, look: Look, history: History) -> None:
        self._look = look
        self._history = history

    def routes(self) -> Routes:
        return {
            "/status.json": self._status,
            "/metrics": self._metrics,
            "/health/startup": self._startup,
            "/health/ready": self._ready,
            "/health/live": self._live,
        }

    async def _status(self, _: Request) -> Response:
        return _json(await self._look())

    async def _metrics(self, _: Request) -> Response:
        body = exposition(await self._look(), self._history)
        return Response(body=body, content_type=CONTENT_TYPE)

    async def _startup(self, _: Request) -> Response:
        """Every consumer has been ready once, or the start has been given up for a stop."""
        return _health("startup", await self._look(), good=("running", "stopping"))

    async def _ready(self, _: Request) -> Response:
        return _health("ready", await self._look(), good=("running",))

    async def _live(self, _: Request) -> Response:
        """That it is answered is the answer: a master is not to be killed because a broker is away."""
        return _json(Health(probe="live", ok=True))


def _health(probe: str, snapshot: Snapshot, *, good: tuple[str, ...]) -> Response:
    state = None if snapshot.master is None else snapshot.master.state
    ok = state in good
    health = Health(probe=probe, ok=ok, state=state, verdict=snapshot.verdict, sentence=snapshot.sentence)
    return _json(health, status=200 if ok else 503)


def _json(answer: object, *, status: int = 200) -> Response:
    return Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")
