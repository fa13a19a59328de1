"""The handler calls that go on in the worker threads, and the way to end one of them from outside.

`Guard.call` runs in the worker threads, everything else on the loop thread.

CPython raises an exception in another thread when that thread next looks at its eval breaker: on entering a function,
jumping back, or returning from C (PyThreadState_SetAsyncExc; cpython 3.11, Python/ceval.c). It must hit the handler
and nothing else of the thread, wherever that is by then. Each run has a token, a list of one item, and `pop` is atomic:
who takes it decides.

- The worker was first: the run is over, `interrupt` finds no token and raises nothing, in the next run neither.
- `interrupt` was first, and the exception hits the handler: that is what it is for.
- … and the handler is over before it hits: `_leave` finds no token, waits on the lock until the exception is raised for
  certain, and lets it hit there.
- … and it hits `_leave` before that: `_leave` is done once more. It cannot be hit twice, since a token is taken once.
  If the lock is held then, `with` gives it back: nothing is looked at between taking a lock and entering its block.
- … and it hits before the handler's first instruction: the call ends as if the handler had begun.
- A thread's ident is used again when it has ended: a token is there only while its thread makes a call.
"""

import ctypes
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NamedTuple

from sylph_mp.api import Context, TimeLimitExceeded
from sylph_mp.consumer.delivery import Delivery

_raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
_raise_in.argtypes = (ctypes.c_ulong, ctypes.py_object)
_EXCEPTION = ctypes.py_object(TimeLimitExceeded)

Token = list[None]


class Going(NamedTuple):
    """One handler call that goes on; `thread` counts from 1, None is an async handler."""

    call: Sequence[Delivery]
    thread: int | None
    run: Any
    """What tells this run from a later one of the same deliveries."""


class Guard:
    """Of one worker thread."""

    __slots__ = ("_lock", "going", "ident")

    def __init__(self, ident: int) -> None:
        self.ident = ident
        self.going: tuple[Sequence[Delivery], Token] | None = None
        """The run that goes on, interrupted or not."""
        self._lock = threading.Lock()

    def call(
        self, call: Sequence[Delivery], function: Callable[..., Any], argument: object, context: Context | None
    ) -> object:
        """What the handler function returns or raises; TimeLimitExceeded if it is interrupted."""
        token: Token = [None]
        self.going = (call, token)
        try:
            # Not `*arguments`: that would be a call from C, and the eval breaker looked at when it has returned.
            return function(argument) if context is None else function(argument, context)
        finally:
            try:
                self._leave(token)
            except TimeLimitExceeded:
                self._leave(token)

    def interrupt(self, token: Token) -> bool:
        """Raise TimeLimitExceeded in this run; False if it is over, or was interrupted before."""
        with self._lock:
            try:
                token.pop()
            except IndexError:
                return False
            _raise_in(self.ident, _EXCEPTION)
        return True

    def _leave(self, token: Token) -> None:
        try:
            token.pop()
        except IndexError:
            self._catch()
        self.going = None

    def _catch(self) -> None:
        """Let the exception of an interruption hit here, if it has not hit yet.

        There is one place for it, so raising it again leaves one. Taking it back with NULL would leave the thread
        looking at its eval breaker for ever (cpython 3.11: the flag goes only with an exception).
        """
        try:
            with self._lock:
                _raise_in(self.ident, _EXCEPTION)
            while True:
                pass  # jumping back looks at the eval breaker
        except TimeLimitExceeded:
            return


class ThreadCalls:
    def __init__(self) -> None:
        self._guards: dict[int, Guard] = {}
        self.guard: Callable[[int], Guard] = self._guards.__getitem__
        """`guard(thread)`: that of a worker thread which has entered."""

    def enter(self, thread: int, ident: int) -> None:
        """Called by a worker thread when it begins."""
        self._guards[thread] = Guard(ident)

    def going(self) -> list[Going]:
        found = [(thread, guard.going) for thread, guard in self._guards.copy().items()]
        return [Going(going[0], thread, going[1]) for thread, going in found if going is not None]

    def interrupt(self, going: Going) -> bool:
        """Let it end with TimeLimitExceeded; False if there is nothing to end any more."""
        return self._guard_of(going).interrupt(going.run)

    def culprit(self, going: Going) -> Going:
        """Who keeps an interrupted call from ending: a thread is kept by nobody else."""
        return going

    def frames(self, going: Going) -> list[FrameType]:
        """Its Python stack, the handler's own frame first."""
        found = []
        frame = sys._current_frames().get(self._guard_of(going).ident)
        while frame is not None and frame.f_code is not Guard.call.__code__:
            found.append(frame)
            frame = frame.f_back
        return found[::-1]

    def _guard_of(self, going: Going) -> Guard:
        assert going.thread is not None
        return self._guards[going.thread]
