"""What an embedded broker is told when it starts, and what it answers.

Made by the command and by the launcher, read by the broker's process.
"""

from typing import Literal

from msgspec import Struct

from sylph_mp.devbroker.store.broker import QUEUES
from sylph_mp.devbroker.store.group import MAX_ATTEMPTS

TopicType = Literal["NORMAL", "FIFO", "DELAY", "TRANSACTION"]


class Topic(Struct, frozen=True):
    name: str
    type: TopicType = "NORMAL"
    queues: int = QUEUES


class Group(Struct, frozen=True):
    name: str
    fifo: bool = False
    max_attempts: int = MAX_ATTEMPTS
    """Deliveries of a message before it goes to the dead-letter topic."""


class Order(Struct, frozen=True, kw_only=True):
    topics: tuple[Topic, ...] = ()
    groups: tuple[Group, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    """0: any that is free."""
    memory_bytes: int = 256 << 20


class Listening(Struct, frozen=True):
    endpoint: str
