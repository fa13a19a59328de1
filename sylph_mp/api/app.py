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


class Checker(Struct, frozen=True, kw_only=True):
    """One function and the topic whose unended transactions it decides."""

    topic: str
    instance: str | None
    """None: that of [consumers]."""
    name: str
    function: Callable[..., Any]
    signature: Signature
    is_async: bool
    place: str


class App:
    """Collects handlers and hooks; what runs them imports it by the configuration's `app`."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.checkers: dict[str, Checker] = {}
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
            signature = _signature(function, f"handler {name}", batch=batch is not None)
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

    def transaction_checker(
        self, topic: str, *, instance: str | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register the function that is asked what became of a transaction whose sender has not ended it.

        It takes the message as a handler does, and returns a Resolution; raising means UNKNOWN. `instance`: one of
        [instances], by default that of [consumers]. Raises ConfigError as `handler` does.
        """

        def register(function: Callable[P, R]) -> Callable[P, R]:
            place = _place_of(function)
            name = getattr(function, "__name__", repr(function))
            if topic in self.checkers:
                other = self.checkers[topic]
                what = f'checker {name}: topic "{topic}" has checker {other.name} already ({other.place})'
                _refuse(place, what, fix="one checker a topic: remove one of them")
            signature = _signature(function, f"checker {name}", batch=False)
            if signature.takes_context:
                _refuse(place, f"checker {name} takes 2 parameters; 1 is due: the body", fix=f"def {name}(body: bytes)")
            self.checkers[topic] = Checker(
                topic=topic,
                instance=instance,
                name=name,
                function=function,
                signature=signature,
                is_async=inspect.iscoroutinefunction(function),
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


def _signature(function: Callable[..., Any], who: str, *, batch: bool) -> Signature:
    try:
        return signature_of(function, batch=batch)
    except SignatureError as error:
        _refuse(_place_of(function), f"{who} {error}", fix=f"def {who.partition(' ')[2]}({error.remedy})")


def _place_of(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else "?"


def _refuse(place: str, what: str, *, fix: str) -> NoReturn:
    raise ConfigError(what, problems=(Problem(place=place, what=what, fix=fix),))
