"""What ends a handler call that takes too long; raised in the worker thread that runs it."""


class TimeLimitExceeded(Exception):  # noqa: N818 - says what happened, as TimeoutError's subclasses of others do
    """The call has run longer than its topic's `time_limit_s`; what is not caught is a retry by the topic's policy.

    It comes between any two lines of a sync handler, though not while a call into C, such as `time.sleep` or a
    socket's `recv`, goes on: `with` and `finally` are honoured, and so is `except Exception`, which swallows it. An
    async handler is cancelled instead (`asyncio.CancelledError`). A call that does not come back soon after either is
    ended together with its process.
    """
