"""What shared memory holds when its writer is killed between any two of its lines."""

import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Killed(BaseException):
    pass


def stages(writer: type, call: Callable[[], None], look: Callable[[], T]) -> list[T]:
    """What `look` sees if `call` ends before the first line of a method of `writer`, before its second, and so on to
    its end; no repeats."""
    seen: list[T] = []
    line = 0
    while _killed_before(line, writer, call):
        seen.append(look())
        line += 1
    seen.append(look())
    return [each for i, each in enumerate(seen) if i == 0 or each != seen[i - 1]]


def _killed_before(line: int, writer: type, call: Callable[[], None]) -> bool:
    lines = 0

    def trace(frame, event, arg):
        nonlocal lines
        if frame.f_code.co_qualname.startswith(f"{writer.__name__}.") and event == "line":
            if lines == line:
                raise Killed
            lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False
