"""All slots: which of them are wanted, what is placed on them, and what is quiet.

Owned by the master, on its loop thread. It changes what is wanted; the supervisor makes it so.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sylph_mp.config.schema import Config
from sylph_mp.control.observation import QuietMark
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.child import Child
from sylph_mp.master.placement import Assignment, place
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import Assign, Shard


class Fleet:
    def __init__(self, slots: Iterable[Slot], *, config: Config) -> None:
        self.slots = {slot.number: slot for slot in slots}
        self.config = config
        self.quiet: QuietMark | None = None
        """All of it, on somebody's request."""
        self.quiet_topics: dict[str, QuietMark] = {}
        self.placed: Assignment = {}
        self.open = False
        """Whether shards may be placed at all."""

    def __iter__(self) -> Iterator[Slot]:
        return iter(self.slots.values())

    @property
    def members(self) -> list[Slot]:
        """The slots that are to have a consumer, by number."""
        return [self.slots[number] for number in sorted(self.slots) if self.slots[number].wanted]

    @property
    def wanted(self) -> int:
        return len(self.members)

    def scale(self, wanted: int) -> None:
        """Want that many: the lowest free slots are filled, the highest are emptied."""
        free = [self.slots[number] for number in sorted(self.slots) if not self.slots[number].wanted]
        for slot in free[: max(0, wanted - self.wanted)]:
            slot.wanted = True
            slot.forgive()
        for slot in self.members[wanted:]:
            slot.wanted = False

    def children(self) -> dict[int, Child]:
        """Slot number -> the consumer there, in whatever state."""
        return {slot.number: slot.child for slot in self if slot.child is not None}

    def stop(self, deadline: Deadline) -> None:
        """Drain all consumers, and want none."""
        self.scale(0)
        for child in self.children().values():
            child.stop(deadline)

    def kill(self, why: str) -> None:
        for child in self.children().values():
            child.kill(why)

    def assign(self) -> None:
        """Place the shards on the slots that take work, and tell each consumer its own."""
        if not self.open:
            return
        self.placed = self._place()
        for number, child in self.children().items():
            if child.takes_work:
                # Its own configuration's: its segment has room for no more.
                threads = child.config.consumers.threads.max
                child.assign(Assign(shards=self.placed.get(number, ()), threads=threads))

    def _place(self) -> Assignment:
        """Topics that only some consumers know, while a reload goes on, are spread over those."""
        takers = {slot.number: slot for slot in self if slot.child and slot.child.takes_work and not slot.quiet}
        groups: defaultdict[frozenset[int], list[Shard]] = defaultdict(list)
        for topic in self.config.topics.values():
            if not self.quiet and topic.name not in self.quiet_topics:
                knowing = frozenset(number for number in takers if self._knows(takers[number], topic.name))
                groups[knowing] += [Shard(topic.name, number) for number in range(topic.shards)]
        placed: Assignment = dict.fromkeys(takers, ())
        for knowing, shards in groups.items():
            for number, part in place(shards, knowing, previous=self.placed).items():
                placed[number] = tuple(sorted((*placed[number], *part)))
        return placed

    @staticmethod
    def _knows(slot: Slot, topic: str) -> bool:
        return slot.child is not None and topic in slot.child.config.topics
