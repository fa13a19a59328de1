"""The sessions of a process without a broker."""

from sylph_mp.ports import Session, Shape
from sylph_mp.testing.fake_session import FakeSession


class FakeClients:
    """Gives one FakeSession per group; a test looks them up in `sessions`."""

    def __init__(self, *, fifo_groups: tuple[str, ...] = ()) -> None:
        self._fifo_groups = fifo_groups
        self.sessions: dict[str, FakeSession] = {}

    async def open(self, instance: str, group: str) -> tuple[Session, Shape]:
        del instance
        session = self.sessions.setdefault(group, FakeSession())
        return session, Shape(fifo=group in self._fifo_groups, max_attempts=16, batch=32)

    async def close(self) -> None:
        self.sessions.clear()
