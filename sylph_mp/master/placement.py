"""Decides which slot runs which shard.

Pure: the fleet asks whenever the set of slots that take work, or of shards that are wanted, has changed.

A topic's shards lie on the slots as evenly as can be, and so do all shards together; both differ by one at most:

    4 of orders and 2 of refunds on 3 slots:        slot 1     slot 2     slot 3
      share: 4 // 3 of orders, 2 // 3 of refunds    orders/0   orders/1   orders/2
      extras: 4 mod 3 of orders, 2 mod 3 of refunds orders/3   refunds/0  refunds/1

Which slot has which extra is settled by what they weigh, where that makes a difference: so two hot topics of one shard
each do not share a process while another has only cold ones.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from sylph_mp.pipe import Shard

#: Shards are moved for a better balance only where two slots come closer by so many busy threads, and by this share of
#: what a slot bears: weights are measured, and each move lets a queue run dry for a moment.
LEAST_GAIN = 0.5
LEAST_SHARE = 0.2

Assignment = dict[int, tuple[Shard, ...]]
"""Slot number -> its shards, sorted."""

NO_WEIGHTS: Mapping[str, float] = MappingProxyType({})


def place(
    shards: Sequence[Shard],
    slots: Iterable[int],
    *,
    previous: Mapping[int, tuple[Shard, ...]],
    weights: Mapping[str, float] = NO_WEIGHTS,
) -> Assignment:
    """Spread `shards` over `slots`; a shard leaves the slot it had in `previous` only where evenness demands it.

    `weights` are the busy threads that one shard of a topic keeps; 0 where it is not known.
    Every slot has an entry; without slots the result is empty. The same input gives the same result.
    """
    numbers = sorted(set(slots))
    if not numbers:
        return {}
    there = set(shards)
    had = {number: Counter(shard.topic for shard in previous.get(number, ()) if shard in there) for number in numbers}
    quota = _quotas(Counter(shard.topic for shard in shards), had, weights)
    return _fill(shards, quota, previous)


Quotas = dict[int, Counter[str]]
"""Slot number -> how many shards of each topic."""


def _quotas(wanted: Counter[str], had: Quotas, weights: Mapping[str, float]) -> Quotas:
    share = {topic: count // len(had) for topic, count in wanted.items()}
    mean = sum(count * weights.get(topic, 0.0) for topic, count in wanted.items()) / len(had)
    extras = _Extras({topic: count % len(had) for topic, count in wanted.items()}, had, share)
    extras.balance(weights, least_gain=max(LEAST_GAIN, LEAST_SHARE * mean))
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

    def balance(self, weights: Mapping[str, float], *, least_gain: float) -> None:
        """Exchange extras between the heaviest slot and the lightest while they come closer by `least_gain`."""
        while exchange := self._best_exchange(weights, least_gain):
            gives, takes, heavy, light = exchange
            for topics, source, target in ((gives, heavy, light), (takes, light, heavy)):
                self.of[source] -= topics
                self.of[target] |= topics

    def _best_exchange(
        self, weights: Mapping[str, float], least_gain: float
    ) -> tuple[set[str], set[str], int, int] | None:
        """One extra for another or, where that leaves the slots even, for nothing."""
        bears = {slot: sum(weights.get(topic, 0.0) for topic in topics) for slot, topics in self.of.items()}
        heavy, light = (
            max(bears, key=lambda slot: (bears[slot], -slot)),
            min(bears, key=lambda slot: (bears[slot], slot)),
        )
        apart = bears[heavy] - bears[light]
        back: list[set[str]] = [{topic} for topic in sorted(self.of[light] - self.of[heavy])]
        if len(self.of[heavy]) > len(self.of[light]):
            back.append(set())
        best, left = None, apart - least_gain
        for topic in sorted(self.of[heavy] - self.of[light]):
            for takes in back:
                moved = weights.get(topic, 0.0) - sum(weights.get(other, 0.0) for other in takes)
                if abs(apart - 2 * moved) <= left:
                    best, left = ({topic}, takes, heavy, light), abs(apart - 2 * moved)
        return best

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
