"""Where calls run: in the WorkerPool's threads or on the async handlers' loop, and suspects alone. On the loop thread.

    submit ──► (gate) ──► WorkerPool / AsyncCalls ──► ended
    try_alone ──► one after the other, each when nothing else runs

A suspect ran when its process died. If it runs alone and the process dies again, it is the one. While a suspect is
tried the gate is closed: what comes waits. A suspect that has not killed within ALONE_S opens the gate, so that a slow
one holds up nobody; one that killed beside others after that is tried again, and then the gate stays closed.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from sylph_mp.consumer.execution import Call

#: Most killers kill at once; what was queued behind a suspect should not wait long for one that only is slow.
ALONE_S = 1.0
#: How often a queue behind a slow call is given another thread.
NUDGE_S = 0.002


class Runner(Protocol):
    """WorkerPool and AsyncCalls."""

    def submit(self, work: Sequence[Call]) -> None: ...
    def withdraw(self) -> list[Call]: ...


class ThreadRunner(Runner, Protocol):
    def nudge(self) -> bool: ...


class Stage:
    def __init__(self, *, threads: ThreadRunner, async_calls: Runner) -> None:
        self._threads = threads
        self._async_calls = async_calls
        self._out = 0
        """Calls handed to the runners that have not ended."""
        self._suspects: deque[Call] = deque()
        self._trial: Call | None = None
        self._closed = False
        self._behind_gate: list[Call] = []
        self._opening: asyncio.TimerHandle | None = None
        self._nudging = False

    def submit(self, calls: Sequence[Call]) -> None:
        """Run these beside whatever runs."""
        if self._closed:
            self._behind_gate.extend(calls)
        else:
            self._hand_over(calls)

    def try_alone(self, call: Call) -> None:
        """Run a suspect when nothing else runs."""
        self._suspects.append(call)
        self._close()
        self._try_next()

    def ended(self, calls: Sequence[Call]) -> None:
        """These calls are over; to be told of each."""
        self._out -= len(calls)
        if self._trial is not None and any(call is self._trial for call in calls):
            self._trial = None
            self._cancel_opening()
            if self._suspects:
                self._close()
            else:
                self._open()
        if self._suspects:
            self._try_next()

    def withdraw(self) -> list[Call]:
        """Take back all that has not begun, suspects too."""
        calls = [*self._behind_gate, *self._suspects, *self._take_back()]
        self._behind_gate.clear()
        self._suspects.clear()
        return calls

    def _close(self) -> None:
        """What has not begun waits; behind a closed gate that is none but the suspect itself."""
        if not self._closed:
            self._closed = True
            self._behind_gate = self._take_back()

    def _open(self) -> None:
        self._closed = False
        waiting, self._behind_gate = self._behind_gate, []
        self._hand_over(waiting)

    def _try_next(self) -> None:
        if self._trial is not None or self._out:
            return
        self._trial = call = self._suspects.popleft()
        self._hand_over([call])
        if not any(delivery.tried for delivery in call):
            self._opening = asyncio.get_running_loop().call_later(ALONE_S, self._open)

    def _cancel_opening(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    def _take_back(self) -> list[Call]:
        calls = [*self._threads.withdraw(), *self._async_calls.withdraw()]
        self._out -= len(calls)
        return calls

    def _hand_over(self, calls: Sequence[Call]) -> None:
        """Calls of one `submit` are of one topic; those from behind the gate may be of several."""
        if not calls:
            return
        self._out += len(calls)
        in_threads = [call for call in calls if not call[0].subscription.handler.is_async]
        if len(in_threads) < len(calls):
            self._async_calls.submit([call for call in calls if call[0].subscription.handler.is_async])
        if in_threads:
            self._threads.submit(in_threads)
            self._nudge_later()

    def _nudge_later(self) -> None:
        if not self._nudging:
            self._nudging = True
            asyncio.get_running_loop().call_later(NUDGE_S, self._nudge)

    def _nudge(self) -> None:
        self._nudging = self._threads.nudge()
        if self._nudging:
            asyncio.get_running_loop().call_later(NUDGE_S, self._nudge)
