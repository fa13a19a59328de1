"""Faults that a test switches on: the next calls of a method are late, never answered, or fail.

May be set from any thread; taken on the server's loop thread.
"""

import threading
from collections import defaultdict, deque

import grpc
from msgspec import Struct


class Delay(Struct, frozen=True):
    """Carried out and answered after so many seconds."""

    seconds: float


class Drop(Struct, frozen=True):
    """Never answered; `carried_out`: the answer was lost, not the request."""

    carried_out: bool


class FailGrpc(Struct, frozen=True):
    """Not carried out; ends with a gRPC status other than OK."""

    status: grpc.StatusCode
    text: str


class FailCode(Struct, frozen=True):
    """Not carried out; answered with a RocketMQ code."""

    code: int
    text: str


Fault = Delay | Drop | FailGrpc | FailCode


class Faults:
    """Methods are named as in service.proto: `SendMessage`. `times` counts calls; faults of a method come in turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: dict[str, deque[Fault]] = defaultdict(deque)

    def delay(self, method: str, seconds: float, *, times: int = 1) -> None:
        self._plan(method, Delay(seconds), times)

    def drop(self, method: str, *, times: int = 1, carried_out: bool = False) -> None:
        self._plan(method, Drop(carried_out), times)

    def fail_grpc(self, method: str, status: grpc.StatusCode, text: str = "fault", *, times: int = 1) -> None:
        self._plan(method, FailGrpc(status, text), times)

    def fail(self, method: str, code: int, text: str = "fault", *, times: int = 1) -> None:
        self._plan(method, FailCode(code, text), times)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def planned(self) -> set[str]:
        """The methods that have a fault ahead."""
        with self._lock:
            return {method for method, faults in self._planned.items() if faults}

    def take(self, method: str) -> Fault | None:
        """The fault of this call, which is then used up."""
        with self._lock:
            planned = self._planned.get(method)
            return planned.popleft() if planned else None

    def _plan(self, method: str, fault: Fault, times: int) -> None:
        with self._lock:
            self._planned[method].extend([fault] * times)
