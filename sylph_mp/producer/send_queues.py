"""What waits to be sent, and in which units it may go: many at once, one by one, or one of each message group. Pure."""

from collections import OrderedDict, deque
from typing import Protocol

from sylph_mp.producer.encoding import Encoded
from sylph_mp.producer.outlet import OnReceipt

#: What a broker adds to each message of a batch, at most: it counts bodies and properties in its own form (5.5.0).
OVERHEAD_BYTES = 156


class Pending:
    """A message between its submission and its receipt."""

    __slots__ = ("at", "encoded", "on_receipt")

    def __init__(self, encoded: Encoded, on_receipt: OnReceipt, at: float) -> None:
        self.encoded = encoded
        self.on_receipt = on_receipt
        self.at = at


class SendQueue(Protocol):
    def __len__(self) -> int:
        """Messages that wait; what was taken is no longer counted."""
        ...

    def put(self, pending: Pending) -> None: ...

    def take(self, size: int) -> list[Pending]:
        """The next unit, of at most `size` bytes if it is more than one; empty when nothing may go now."""
        ...

    def waits_for_more(self, size: int) -> float | None:
        """Since when the oldest waits, if more would fit into its unit; None: send it."""
        ...

    def done(self, unit: list[Pending]) -> None:
        """All that there is to do for a taken unit was done."""
        ...

    def drop_oldest(self) -> Pending | None: ...


class BatchQueue:
    """Messages without order: as many together as fit."""

    def __init__(self) -> None:
        self._waiting: deque[Pending] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, pending: Pending) -> None:
        self._waiting.append(pending)
        self._size += len(pending.encoded.part) + OVERHEAD_BYTES

    def take(self, size: int) -> list[Pending]:
        unit: list[Pending] = []
        waiting = self._waiting
        left = size
        while waiting:
            need = len(waiting[0].encoded.part) + OVERHEAD_BYTES
            if unit and need > left:
                break
            left -= need
            unit.append(waiting.popleft())
        self._size -= size - left
        return unit

    def waits_for_more(self, size: int) -> float | None:
        return self._waiting[0].at if self._waiting and self._size < size else None

    def done(self, unit: list[Pending]) -> None:
        pass

    def drop_oldest(self) -> Pending | None:
        unit = self.take(0)
        return unit[0] if unit else None


class SingleQueue:
    """Messages that go one by one, in any order."""

    def __init__(self) -> None:
        self._waiting: deque[Pending] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, pending: Pending) -> None:
        self._waiting.append(pending)

    def take(self, size: int) -> list[Pending]:
        return [self._waiting.popleft()] if self._waiting else []

    def waits_for_more(self, size: int) -> float | None:
        return None

    def done(self, unit: list[Pending]) -> None:
        pass

    def drop_oldest(self) -> Pending | None:
        return self._waiting.popleft() if self._waiting else None


class GroupQueue:
    """Of each message group one message at a time, in the order of submission; the groups take turns."""

    def __init__(self) -> None:
        self._free: OrderedDict[str, deque[Pending]] = OrderedDict()
        self._busy: dict[str, deque[Pending]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, pending: Pending) -> None:
        group = pending.encoded.group
        waiting = self._busy.get(group)
        if waiting is None:
            waiting = self._free.setdefault(group, deque())
        waiting.append(pending)
        self._count += 1

    def take(self, size: int) -> list[Pending]:
        if not self._free:
            return []
        group, waiting = self._free.popitem(last=False)
        self._busy[group] = waiting
        self._count -= 1
        return [waiting.popleft()]

    def waits_for_more(self, size: int) -> float | None:
        return None

    def done(self, unit: list[Pending]) -> None:
        group = unit[0].encoded.group
        waiting = self._busy.pop(group)
        if waiting:
            self._free[group] = waiting

    def drop_oldest(self) -> Pending | None:
        """That of the groups which waits for longest."""
        groups = [(waiting[0].at, group) for queues in (self._free, self._busy) for group, waiting in queues.items()
                  if waiting]  # fmt: skip
        if not groups:
            return None
        _, group = min(groups)
        waiting = self._free.get(group) or self._busy[group]
        self._count -= 1
        dropped = waiting.popleft()
        if not waiting:
            self._free.pop(group, None)
        return dropped
