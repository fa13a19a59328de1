"""A broker that has just come back does not know its topics yet; one that was there all the time does."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from sylph_mp.errors import BrokerRefusedError
from sylph_mp.lifecycle import REGISTERS_S
from sylph_mp.master import startup as module
from sylph_mp.master.startup import Startup

MISSING = BrokerRefusedError("no topic orders")


class Brokers:
    """Gives one answer after the other; each takes a second."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.now = 0.0
        self.patient_until = 0.0
        self._answers = list(answers)

    async def instance(self, *_: object, patient: bool) -> str | None:
        if patient:
            self.patient_until = self.now
        self.now += 1.0
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ask(brokers: Brokers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    others: dict[str, Any] = dict.fromkeys(("supervisor", "spawner", "transcript"))
    clock: Any = SimpleNamespace(monotonic=lambda: brokers.now)
    fleet: Any = SimpleNamespace(open=False)
    startup = Startup(fleet=fleet, brokers=brokers, clock=clock, began_at=0.0, **others)
    nothing: Any = None
    asyncio.run(startup._until_known(nothing, nothing, "default", SimpleNamespace(waiting="")))


def test_what_is_missing_at_once_is_missing(monkeypatch):
    with pytest.raises(BrokerRefusedError):
        ask(Brokers(MISSING, None), monkeypatch)


def test_what_is_missing_after_an_outage_may_yet_be_there(monkeypatch):
    ask(Brokers("connection refused", MISSING, MISSING, None), monkeypatch)


def test_what_stays_missing_after_it_is_missing(monkeypatch):
    with pytest.raises(BrokerRefusedError):
        ask(Brokers("connection refused", *[MISSING] * int(REGISTERS_S + 2)), monkeypatch)


def test_what_it_has_had_is_waited_for_as_long_as_a_broker_registers(monkeypatch):
    brokers = Brokers(*["does not know topic orders, which it had"] * int(REGISTERS_S + 5), None)
    ask(brokers, monkeypatch)
    assert brokers.patient_until == REGISTERS_S - 1
