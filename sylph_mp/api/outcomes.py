"""What a handler says about a message: returned or raised, both mean the same."""


class Outcome(Exception):
    """Base of the outcomes that are not success; an exception, so that it can be raised from deep inside."""


class Retry(Outcome):
    """Deliver the message again, after `after_s` seconds or, if that is None, by the topic's policy."""

    def __init__(self, reason: str = "", *, after_s: float | None = None) -> None:
        if after_s is not None and after_s < 0:
            raise ValueError(f"Retry(after_s={after_s}): a time of 0 s or more is due")
        super().__init__(reason)
        self.reason = reason
        self.after_s = after_s


class DeadLetter(Outcome):
    """Put the message into the group's dead-letter topic at once."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class Ack:
    """Success. Returning None means the same."""
