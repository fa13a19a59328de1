"""A broker in which time passes only when a test says so."""

import itertools
from collections.abc import Callable

import pytest

from sylph_mp.devbroker.store.broker import Broker
from sylph_mp.devbroker.store.filter import by_tags
from sylph_mp.devbroker.store.record import Delivery, Kind, Record
from sylph_mp.devbroker.store.subscription import Pop

START_MS = 1_700_000_000_000
LEASE_MS = 30_000


class Bench:
    """One topic `t` and one group `g` of a broker, driven by hand."""

    def __init__(self, *, fifo: bool = False, queues: int = 1, max_attempts: int = 16, memory_bytes: int = 1 << 20):
        self.now_ms = START_MS
        self.alive: set[str] = set()
        self.asked: list[str] = []
        self.broker = Broker(
            memory_bytes=memory_bytes,
            alive=self.alive.__contains__,
            ask=lambda half, transaction: self.asked.append(transaction),
        )
        self.broker.create_topic("t", Kind.NORMAL, queues)
        self.broker.create_group("g", fifo=fifo, max_attempts=max_attempts)
        self._ids = itertools.count()

    def record(self, body: str = "x", *, kind: Kind = Kind.NORMAL, tag: str | None = None, **properties: str) -> Record:
        return Record(
            id=f"id{next(self._ids)}",
            kind=kind,
            body=body.encode(),
            encoding=1,
            digest="",
            tag=tag,
            properties=properties,
            born_ms=self.now_ms,
        )

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.broker.send("t", [self.record(body)], self.now_ms)

    def pop(
        self, batch: int = 32, *, group: str = "g", topic: str = "t", attempt_id: str = "", renew_for: str = ""
    ) -> list[Delivery]:
        pop = Pop(
            now_ms=self.now_ms,
            batch=batch,
            invisible_ms=LEASE_MS,
            filter=by_tags("*"),
            attempt_id=attempt_id,
            renew_for=renew_for,
        )
        return self.broker.pop(topic, group, pop)

    def ack(self, *deliveries: Delivery) -> None:
        handles = [delivery.handle.text for delivery in deliveries]
        assert self.broker.ack("t", "g", handles, self.now_ms) == [None] * len(handles)

    def change(self, delivery: Delivery, invisible_ms: int, *, count: bool = True) -> str:
        handle = delivery.handle.text
        return self.broker.change("t", "g", handle, invisible_ms=invisible_ms, count=count, now_ms=self.now_ms)

    def pass_ms(self, milliseconds: int) -> None:
        """Let time pass; what is planned meanwhile happens at its own time."""
        until_ms = self.now_ms + milliseconds
        while (next_ms := self.broker.agenda.next_ms) is not None and next_ms <= until_ms:
            self.now_ms = max(self.now_ms, next_ms)
            self.broker.agenda.run(self.now_ms)
        self.now_ms = until_ms


@pytest.fixture
def bench() -> Callable[..., Bench]:
    return Bench


def shown(deliveries: list[Delivery]) -> list[tuple[str, int]]:
    """Body and attempt of each."""
    return [(delivery.entry.record.body.decode(), delivery.attempt) for delivery in deliveries]
