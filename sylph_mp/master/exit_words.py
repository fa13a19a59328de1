"""How a process ended, in words. Pure."""

import signal

from sylph_mp.control.quantities import size, spaced
from sylph_mp.pipe import Refused


def exit_in_words(exit_code: int | None, *, last_words: str = "", memory_limit: int | None = None) -> str:
    """`SIGSEGV (exit -11)`, `exit 1: ImportError at workers/orders.py:3`, `unknown`.

    `memory_limit` in bytes: the kernel killed it, since that was used up; None: it did not.
    """
    if exit_code is None:
        return "unknown"
    if exit_code >= 0:
        return f"exit {exit_code}: {last_words}" if last_words else f"exit {exit_code}"
    if memory_limit is not None:
        return f"SIGKILL by the kernel, out of memory (limit {spaced(size(memory_limit))})"
    return f"{_signal(-exit_code)} (exit {exit_code})"


def refusal_in_words(refused: Refused) -> str:
    """Of a consumer that said why it cannot work."""
    return refused.problems[0].what if refused.problems else f"exit code {refused.exit_code}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name of its own
        return f"signal {number}"
