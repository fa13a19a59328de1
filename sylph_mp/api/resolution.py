"""What a checker says of a transaction that nobody has ended."""

from enum import Enum


class Resolution(Enum):
    COMMIT = "commit"
    """The local work was done: deliver the message."""
    ROLLBACK = "rollback"
    """It was not, and never will be: drop it."""
    UNKNOWN = "unknown"
    """Ask again later: every 30 s, up to 15 times (RocketMQ 5.5.0), then it is dropped."""
