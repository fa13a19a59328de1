"""How fast a client consumes and what it costs, from looking at it while it does: fleets and peers alike."""

import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

STALL_S = 60.0


class Sample(NamedTuple):
    at: float
    handled: int
    cpu_s: float
    """Of all its processes since they began."""


class Client(Protocol):
    def samples(self) -> Iterator[Sample]:
        """Some ten a second, for as long as it runs."""
        ...


def consumed(client: Client, *, warm: int, count: int) -> dict[str, float]:
    """Messages a second and CPU a message from the first `warm` messages on, to `count`.

    Raises TimeoutError when nothing is handled for a minute.
    """
    begin = end = None
    for sample in client.samples():
        if end is not None and sample.handled == end.handled:
            if sample.at - end.at > STALL_S:
                raise TimeoutError(f"{sample.handled} of {count} handled, and no more for {STALL_S:.0f} s")
            continue
        end = sample
        if begin is None and sample.handled >= max(1, warm):
            begin = sample
        if sample.handled >= count:
            break
    assert begin is not None
    assert end is not None
    messages = end.handled - begin.handled
    if not messages:
        raise ValueError("the warm-up was all there was: more messages are needed")
    return {
        "messages/s": messages / (end.at - begin.at),
        "us CPU a message": 1e6 * (end.cpu_s - begin.cpu_s) / messages,
    }


def until_handled(client: Client, count: int) -> None:
    for sample in client.samples():
        if sample.handled >= count:
            return


def each(seconds: float) -> Iterator[float]:
    """The time, again and again."""
    while True:
        yield time.monotonic()
        time.sleep(seconds)
