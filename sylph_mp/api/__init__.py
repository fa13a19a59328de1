"""What a handler file imports."""

from sylph_mp.api.app import App, Handler
from sylph_mp.api.context import Context
from sylph_mp.api.message import Message
from sylph_mp.api.outcomes import Ack, DeadLetter, Retry
from sylph_mp.api.resolution import Resolution
from sylph_mp.api.time_limit import TimeLimitExceeded

__all__ = [
    "Ack",
    "App",
    "Context",
    "DeadLetter",
    "Handler",
    "Message",
    "Resolution",
    "Retry",
    "TimeLimitExceeded",
]
