"""A multi-process, sharded consumer runtime for Apache RocketMQ 5."""

from sylph_mp.api import Ack, App, Context, DeadLetter, Message, Resolution, Retry, TimeLimitExceeded

__all__ = ["Ack", "App", "Context", "DeadLetter", "Message", "Resolution", "Retry", "TimeLimitExceeded"]
__version__ = "0.1.0"
