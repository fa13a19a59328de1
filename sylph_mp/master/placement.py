"""Decides which slot runs which shard.

Pure: the fleet asks whenever the set of slots that take work, or of shards that are wanted, has changed.

A topic's shards lie on the slots as evenly as can be, and so do all shards together; both differ by one at most:

    4 of orders and 2 of refunds on 3 slots:        slot 1     slot 2     slot 3
      share: 4 // 3 of orders, 2 // 3 of refunds    orders/0   orders/1   orders/2
      extras: 4 mod 3 of orders, 2 mod 3 of refunds orders/3   refunds/0  refunds/1
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sylph_mp.pipe import Shard

Assignment = dict[int, tuple[Shard, ...]]
"""Slot number -> its shards, sorted."""


def place(shards: Sequence[Shard], slots: Iterable[int], *, previous: Mapping[int, tuple[Shard, ...]]) -> Assignment:
    """Spread `shards` over `slots`; a shard leaves the slot it had in `previous` only where evenness demands it.

    Every slot has an entry; without slots the result is empty. The same input gives the same result.
    """
    numbers = sorted(set(slots))
    if not numbers:
        return {}
    had = {number: Counter(shard.topic for shard in previous.get(number, ())) for number in numbers}
    quota = _quotas(Counter(shard.topic for shard in shards), had)
    return _fill(shards, quota, previous)


Quotas = dict[int, Counter[str]]
"""Slot number -> how many shards of each topic."""


def _quotas(wanted: Counter[str], had: Quotas) -> Quotas:
    share = {topic: count // len(had) for topic, count in wanted.items()}
    extras = _Extras({topic: count % len(had) for topic, count in wanted.items()}, had, share)
    return {slot: Counter({topic: share[topic] + (topic in extras.of[slot]) for topic in wanted}) for slot in had}


class _Extras:
    """Which slots have one shard more of a topic than the others: settled where they are, then evened out."""

    def __init__(self, due: Mapping[str, int], had: Quotas, share: Mapping[str, int]) -> None:
        self.of: dict[int, set[str]] = {slot: set() for slot in had}
        self._keeps = {slot: {topic for topic in due if counts[topic] > share[topic]} for slot, counts in had.items()}
        for topic, count in due.items():
            for slot in sorted(had, key=lambda slot: (topic not in self._keeps[slot], len(self.of[slot]), slot))[
                :count
            ]:
                self.of[slot].add(topic)
        while self._level():
            pass

    def _level(self) -> bool:
        """Hand one extra from the fullest slot to the emptiest; False when they differ by one at most."""
        full = max(self.of, key=lambda slot: (len(self.of[slot]), -slot))
        empty = min(self.of, key=lambda slot: (len(self.of[slot]), slot))
        if len(self.of[full]) - len(self.of[empty]) <= 1:
            return False
        spare = self.of[full] - self.of[empty]
        topic = min(spare, key=lambda topic: (topic in self._keeps[full], topic not in self._keeps[empty], topic))
        self.of[full].remove(topic)
        self.of[empty].add(topic)
        return True


def _fill(shards: Sequence[Shard], quota: Quotas, previous: Mapping[int, tuple[Shard, ...]]) -> Assignment:
    """Name the shards: first those that stay, then the homeless, in order."""
    homeless = set(shards)
    result: dict[int, list[Shard]] = {slot: [] for slot in quota}
    for slot, left in quota.items():
        for shard in previous.get(slot, ()):
            if shard in homeless and left[shard.topic] > 0:
                left[shard.topic] -= 1
                homeless.remove(shard)
                result[slot].append(shard)
    for shard in sorted(homeless):
        slot = next(slot for slot, left in quota.items() if left[shard.topic] > 0)
        quota[slot][shard.topic] -= 1
        result[slot].append(shard)
    return {slot: tuple(sorted(held)) for slot, held in result.items()}
