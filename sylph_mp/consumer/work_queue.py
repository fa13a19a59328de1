"""Calls that wait to be begun. Filled on the consumer's loop thread, emptied there or by the threads that run them."""

from collections import deque
from typing import TypeVar

W = TypeVar("W")


class WorkQueue(deque[W]):
    """A deque, since its ends are atomic: any thread may take."""

    def withdraw(self) -> list[W]:
        """Take back all that nobody has begun."""
        work = []
        while True:
            try:
                work.append(self.popleft())
            except IndexError:
                return work
