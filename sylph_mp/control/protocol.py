"""What a command and the master say to each other over the control socket, and what the master does for it.

    command ── StatusRequest, EventsRequest, StacksRequest, or a verb ─────► master
    command ◄─ Shown | Events | StacksShown | Done | Denied | Failed ─────── master
    command ◄─ Stopped, after the Done of a Stop, when the fleet has ended ─ master

Frames as in `sylph_mp.frames`. A connection may carry several requests, one after the other.
"""

from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from sylph_mp.control.event import Event
from sylph_mp.control.stacks import Stacks
from sylph_mp.control.status import Snapshot
from sylph_mp.control.target import Target


class StatusRequest(Struct, tag=True, frozen=True):
    pass


class EventsRequest(Struct, tag=True, frozen=True):
    after: int
    """Number of the newest that is known; 0 for all."""


class StacksRequest(Struct, tag=True, frozen=True):
    slot: int | None
    """None: all."""


class Scale(Struct, tag=True, frozen=True):
    """Holds that many until the autoscaler is released."""

    wanted: int
    by: str = "somebody"


class Autoscale(Struct, tag=True, frozen=True):
    """Hold the fleet as it is, or release it."""

    action: Literal["hold", "release"]
    by: str


class Quiet(Struct, tag=True, frozen=True):
    target: Target
    by: str
    """Who asks: the user's name."""


class Start(Struct, tag=True, frozen=True):
    target: Target
    by: str


class Recycle(Struct, tag=True, frozen=True):
    target: Target


class Kill(Struct, tag=True, frozen=True):
    target: Target


class Set(Struct, tag=True, frozen=True):
    """Set a key of the configuration in the running fleet."""

    key: str
    value: str
    """As behind `--set KEY=`."""
    by: str
    saved: bool
    """It stands in the file by now: it need not be shown as set live any more."""


class Stop(Struct, tag=True, frozen=True):
    pass


class Reload(Struct, tag=True, frozen=True):
    pass


Verb = Scale | Autoscale | Quiet | Start | Recycle | Kill | Stop | Reload | Set
Request = StatusRequest | EventsRequest | StacksRequest | Verb


class Shown(Struct, tag=True, frozen=True):
    """The answer to a StatusRequest."""

    snapshot: Snapshot


class Events(Struct, tag=True, frozen=True):
    """The answer to an EventsRequest, the oldest first."""

    events: tuple[Event, ...]


class StacksShown(Struct, tag=True, frozen=True):
    """The answer to a StacksRequest."""

    stacks: Stacks


class Done(Struct, tag=True, frozen=True):
    """It is done, or has begun; one sentence says what."""

    text: str


class Denied(Struct, tag=True, frozen=True):
    """It makes no sense now; nothing was changed."""

    text: str
    next: str | None = None
    """A command that can be pasted."""


class Failed(Struct, tag=True, frozen=True):
    """The master met a bug of its own at it; its log has the trace."""

    text: str


class Stopped(Struct, tag=True, frozen=True):
    """The last word of a master that ends on request."""

    text: str
    exit_code: int
    """What `sylph run` ends with."""


Response = Shown | Events | StacksShown | Done | Denied | Failed | Stopped

REQUESTS: "msgspec.msgpack.Decoder[Request]" = msgspec.msgpack.Decoder(Request)
RESPONSES: "msgspec.msgpack.Decoder[Response]" = msgspec.msgpack.Decoder(Response)


class DeniedError(Exception):
    """A verb makes no sense now: no such slot, nothing to start. The text says why, `next` what to do instead."""

    def __init__(self, text: str, *, next: str | None = None) -> None:  # noqa: A002 - the word of every screen
        super().__init__(text)
        self.next = next


class Commands(Protocol):
    """What the master does for a command; called on its loop thread.

    Each verb returns one sentence when its work is done or, where that takes long, has begun. All raise DeniedError.
    """

    async def status(self) -> Snapshot: ...
    def events(self, after: int) -> tuple[Event, ...]: ...
    async def stacks(self, slot: int | None) -> Stacks: ...
    async def scale(self, wanted: int, by: str) -> str: ...
    async def autoscale(self, action: Literal["hold", "release"], by: str) -> str: ...
    async def quiet(self, target: Target, by: str) -> str: ...
    async def start(self, target: Target, by: str) -> str: ...
    async def recycle(self, target: Target) -> str: ...
    async def kill(self, target: Target) -> str: ...
    async def stop(self) -> str:
        """Begin a clean stop; what became of it is told at its end by `ControlServer.stop(Stopped(...))`."""
        ...

    async def reload(self) -> str: ...
    async def set(self, key: str, value: str, by: str, *, saved: bool) -> str: ...
