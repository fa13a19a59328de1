"""The clients that have sent their settings, and the telemetry streams by which they are reached.

Used on the server's loop thread.
"""

import asyncio
from typing import Any

from msgspec import Struct

from sylph_mp.devbroker.store.refusal import Code, RefusedError

#: A client that was silent for so long is gone (channelExpiredTimeout of the proxy).
EXPIRES_MS = 120_000

Outbox = asyncio.Queue[Any]


class Session(Struct):
    topics: tuple[str, ...]
    """Those it publishes; none for a consumer."""
    seen_ms: int
    outbox: Outbox | None
    """What is written to its telemetry stream; None when that is closed."""


class Sessions:
    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._turn = 0

    def register(self, client: str, session: Session) -> None:
        self._sessions[client] = session

    def require(self, client: str) -> None:
        """Raises RefusedError, as a receive does, if the client has sent no settings."""
        if client not in self._sessions:
            raise RefusedError(Code.INTERNAL_SERVER_ERROR, 'Cannot invoke "Settings" because "settings" is null.')

    def heartbeat(self, client: str, now_ms: int) -> None:
        """Raises RefusedError if the client has sent no settings."""
        session = self._sessions.get(client)
        if session is None:
            raise RefusedError(Code.UNRECOGNIZED_CLIENT_TYPE, "cannot find client settings for this client")
        session.seen_ms = now_ms

    def disconnect(self, outbox: Outbox) -> None:
        """A telemetry stream has ended; the settings stay."""
        for session in self._sessions.values():
            if session.outbox is outbox:
                session.outbox = None

    def terminate(self, client: str) -> None:
        self._sessions.pop(client, None)

    def alive(self, client: str) -> bool:
        return client in self._sessions

    def expire(self, now_ms: int) -> list[str]:
        """Forget the clients that are gone; returns their ids."""
        gone = [client for client, session in self._sessions.items() if session.seen_ms + EXPIRES_MS < now_ms]
        for client in gone:
            del self._sessions[client]
        return gone

    def publisher(self, topic: str) -> Outbox | None:
        """The stream of some client that publishes a topic, another one each time."""
        reachable = [s.outbox for s in self._sessions.values() if s.outbox is not None and topic in s.topics]
        self._turn += 1
        return reachable[self._turn % len(reachable)] if reachable else None
