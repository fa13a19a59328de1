"""What waits to be sent, and in which units it may go: many at once, one by one, or one of each message group. Pure."""

from collections import OrderedDict, deque
from typing import Protocol

from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.outlet import OnAnswer


class Pending:
    """Messages between their submission and their answer."""

    __slots__ = ("at", "bundle", "on_answer")

    def __init__(self, bundle: Bundle, on_answer: OnAnswer, at: float) -> None:
        self.bundle = bundle
        self.on_answer = on_answer
        self.at = at

    def cut(self, count: int) -> tuple["Pending", "Pending"]:
        """As `Bundle.cut`."""
        head, rest = self.bundle.cut(count)
        return Pending(head, self.on_answer, self.at), Pending(rest, self.on_answer, self.at)

    def singles(self) -> list["Pending"]:
        return [Pending(single, self.on_answer, self.at) for single in self.bundle.singles()]


class SendQueue(Protocol):
    def __len__(self) -> int:
        """Messages that wait; what was taken is no longer counted."""
        ...

    def put(self, pending: Pending) -> None: ...

    def take(self, size: int) -> list[Pending]:
        """The next unit, of at most `size` bytes if it is more than one message; empty when nothing may go now."""
        ...

    def waits_for_more(self, size: int) -> float | None:
        """Since when the oldest waits, if more would fit into its unit; None: send it."""
        ...

    def done(self, unit: list[Pending]) -> None:
        """All that there is to do for a taken unit was done."""
        ...

    def drop_oldest(self) -> Pending | None:
        """Take back the one message that waits for longest."""
        ...


class BatchQueue:
    """Messages without order: as many together as fit."""

    def __init__(self) -> None:
        self._waiting: deque[Pending] = deque()
        self._count = 0
        self._weight = 0

    def __len__(self) -> int:
        return self._count

    def put(self, pending: Pending) -> None:
        self._waiting.append(pending)
        self._count += pending.bundle.count
        self._weight += pending.bundle.weight

    def take(self, size: int) -> list[Pending]:
        unit: list[Pending] = []
        waiting = self._waiting
        left = size
        while waiting:
            weight = waiting[0].bundle.weight
            if weight > left:
                head = self._head(left, at_least=0 if unit else 1)
                if head is not None:
                    unit.append(head)
                break
            left -= weight
            unit.append(waiting.popleft())
        self._count -= sum([pending.bundle.count for pending in unit])
        self._weight -= sum([pending.bundle.weight for pending in unit])
        return unit

    def waits_for_more(self, size: int) -> float | None:
        return self._waiting[0].at if self._waiting and self._weight < size else None

    def done(self, unit: list[Pending]) -> None:
        pass

    def drop_oldest(self) -> Pending | None:
        unit = self.take(0)
        return unit[0] if unit else None

    def _head(self, size: int, *, at_least: int) -> Pending | None:
        """Of the first that waits as much as fits, taken out."""
        first = self._waiting[0]
        count = max(at_least, first.bundle.fitting(size))
        if count >= first.bundle.count:
            return self._waiting.popleft()
        if not count:
            return None
        head, self._waiting[0] = first.cut(count)
        return head


class SingleQueue:
    """Messages that go one by one, in any order."""

    def __init__(self) -> None:
        self._waiting: deque[Pending] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, pending: Pending) -> None:
        self._waiting.extend(pending.singles())

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
        group = pending.bundle.group
        waiting = self._busy.get(group)
        if waiting is None:
            waiting = self._free.setdefault(group, deque())
        waiting.extend(pending.singles())
        self._count += pending.bundle.count

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
        group = unit[0].bundle.group
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
