"""Decides whether a death was the kernel's doing, for want of memory. Pure: given the time and its count of such kills.

The count is of all processes around the master, what handlers start among them, and names nobody: a kill that was
counted shortly before a consumer was found dead of SIGKILL is taken for that death, each for one.
"""

from collections import deque

#: From the kill to the end of a process, whose memory is given back first, and to the pass that finds it dead.
FRESH_S = 5.0


class OomKills:
    def __init__(self, count: int) -> None:
        self._count = count
        self._unclaimed: deque[float] = deque()

    def look(self, count: int, now: float) -> None:
        self._unclaimed.extend([now] * (count - self._count))
        self._count = count

    def claim(self, now: float) -> bool:
        """Whether one of them explains a death that was just found."""
        while self._unclaimed and now - self._unclaimed[0] > FRESH_S:
            self._unclaimed.popleft()
        if not self._unclaimed:
            return False
        self._unclaimed.popleft()
        return True
