"""The object that a handler file fills: which function handles which topic. Starts nothing, reads nothing."""

import inspect
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

from msgspec import Struct

from sylph_mp.api.decoding import Signature, SignatureError, signature_of
from sylph_mp.errors import ConfigError, Problem

P = ParamSpec("P")
R = TypeVar("R")
Hook = TypeVar("Hook", bound=Callable[[], None])

#: A batch handler waits this long for more messages.
BATCH_WAIT_S = 0.1


class Handler(Struct, frozen=True, kw_only=True):
    """One function and the topic it handles."""

    topic: str
    name: str
    function: Callable[..., Any]
    signature: Signature
    is_async: bool
    takes_list: bool
    batch: int
    """Most messages of one call; 1 where the handler takes single messages."""
    batch_wait_s: float
    place: str
    """`file:line` of the function, for messages to people."""


class App:
    """Collects handlers and hooks; what runs them imports it by the configuration's `app`."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.start_hooks: list[Callable[[], None]] = []
        self.stop_hooks: list[Callable[[], None]] = []

    def handler(
        self, topic: str, *, batch: int | None = None, batch_wait_s: float = BATCH_WAIT_S
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register a function for a topic; the function stays as it is and can be called in a test.

        With `batch=N` it takes a list of up to N messages; less than N when `batch_wait_s` is over.
        Raises ConfigError for a second handler of the topic or for parameters that say no body type.
        """

        def register(function: Callable[P, R]) -> Callable[P, R]:
            place = _place_of(function)
            name = getattr(function, "__name__", repr(function))
            if topic in self.handlers:
                other = self.handlers[topic]
                what = f'handler {name}: topic "{topic}" has handler {other.name} already ({other.place})'
                _refuse(place, what, fix="one handler a topic: remove one of them")
            if batch is not None and batch < 1:
                _refuse(place, f"handler {name}: batch={batch}: 1 or more is due", fix="batch=100")
            try:
                signature = signature_of(function, batch=batch is not None)
            except SignatureError as error:
                _refuse(place, f"handler {name} {error}", fix=f"def {name}({error.remedy})")
            self.handlers[topic] = Handler(
                topic=topic,
                name=name,
                function=function,
                signature=signature,
                is_async=inspect.iscoroutinefunction(function),
                batch=batch or 1,
                takes_list=batch is not None,
                batch_wait_s=batch_wait_s,
                place=place,
            )
            return function

        return register

    def on_start(self, hook: Hook) -> Hook:
        """Run in each consumer process before its first message: open connections here, not at import."""
        self.start_hooks.append(hook)
        return hook

    def on_stop(self, hook: Hook) -> Hook:
        """Run in each consumer process after its last message."""
        self.stop_hooks.append(hook)
        return hook


def _place_of(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else "?"


def _refuse(place: str, what: str, *, fix: str) -> NoReturn:
    raise ConfigError(what, problems=(Problem(place=place, what=what, fix=fix),))
