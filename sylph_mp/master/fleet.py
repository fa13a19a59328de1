"""All slots: which of them are wanted, what is placed on them, and what is quiet.

Owned by the master, on its loop thread. It changes what is wanted; the supervisor makes it so.

Shards are placed on slots, whoever works there: while a slot's consumer is replaced, the one in the spare slot runs its
shards, and no other slot's move.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from sylph_mp.config.schema import Config, Topic
from sylph_mp.control.observation import QuietMark
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.child import Child
from sylph_mp.master.moves import Move, moves
from sylph_mp.master.placement import Assignment, place
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import Assign, Shard


class _Basis(Struct, frozen=True, kw_only=True):
    """All that a placement depends on, besides the one before it."""

    config: Config
    all_quiet: bool
    quiet_topics: frozenset[str]
    weights: Mapping[str, float]
    runners: Mapping[int, tuple[Slot, Child]]

    def holds_for(self, other: "_Basis") -> bool:
        """Whether it is the same; configurations and consumers are never changed, only replaced."""
        return (
            self.config is other.config
            and self.all_quiet == other.all_quiet
            and self.quiet_topics == other.quiet_topics
            and self.weights == other.weights
            and self.runners == other.runners
        )


class Fleet:
    def __init__(self, slots: Iterable[Slot], *, spare: Slot, config: Config) -> None:
        self.slots = {slot.number: slot for slot in slots}
        self.spare = spare
        """One above all others: for the consumer that stands in for one that is replaced."""
        self.config = config
        self.threads = config.consumers.threads.min
        """Wanted for each consumer, as far as its own configuration has room for them."""
        self.quiet: QuietMark | None = None
        """All of it, on somebody's request."""
        self.quiet_topics: dict[str, QuietMark] = {}
        self.weights: dict[str, float] = {}
        """Busy threads that one shard of a topic keeps, as far as measured."""
        self.open = False
        """Whether shards may be placed at all."""
        self._placed: Assignment = {}
        self._run: Assignment = {}
        """By the slot in which the consumer is that runs them."""
        self._basis: _Basis | None = None
        """Of `_placed`; None while placing once more might move something."""

    def __iter__(self) -> Iterator[Slot]:
        """The spare one too."""
        yield from self.slots.values()
        yield self.spare

    @property
    def members(self) -> list[Slot]:
        """The slots that are to have a consumer, by number."""
        return [self.slots[number] for number in sorted(self.slots) if self.slots[number].wanted]

    @property
    def wanted(self) -> int:
        return len(self.members)

    @property
    def handlers(self) -> Mapping[str, str]:
        """Names of functions by topic, as a consumer has told them; all have the same app."""
        told = (slot.child.handlers for slot in self if slot.child is not None and slot.child.handlers)
        return next(told, {})

    def make_room(self, most: int, make: Callable[[int], Slot]) -> None:
        """Have slots for `most` consumers, and the spare one above them."""
        for number in range(1, most + 1):
            if number == self.spare.number:
                self.slots[number], self.spare = self.spare, make(most + 1)
            elif number not in self.slots:
                self.slots[number] = make(number)

    def scale(self, wanted: int) -> None:
        """Want that many: the lowest free slots are filled, the highest are emptied."""
        free = [slot for slot in self.slots.values() if not slot.wanted]
        free.sort(key=lambda slot: (slot.needed, slot.number))
        for slot in free[: max(0, wanted - self.wanted)]:
            slot.wanted = True
            slot.stands_in_for = None
            slot.forgive()
        for slot in self.members[wanted:]:
            slot.wanted = False

    def children(self) -> dict[int, Child]:
        """Slot number -> the consumer there, in whatever state."""
        return {slot.number: slot.child for slot in self if slot.child is not None}

    def stop(self, deadline: Deadline) -> None:
        """Drain all consumers, and want none."""
        self.scale(0)
        for slot in self:
            slot.stands_in_for = None
        for child in self.children().values():
            child.stop(deadline)

    def kill(self, why: str) -> None:
        for child in self.children().values():
            child.kill(why)

    def assign(self) -> None:
        """Place the shards on the slots that take work, and tell each consumer its own."""
        if not self.open:
            return
        self._place_anew(self._runners())
        for number, child in self.children().items():
            if child.takes_work:
                threads = min(self.threads, child.config.consumers.threads.max)
                child.assign(Assign(shards=self.run_by(number), threads=threads, log_level=self.config.log.level))

    def _place_anew(self, runners: dict[int, tuple[Slot, Child]]) -> None:
        """Unless nothing has changed of what it depends on: this is asked several times a second."""
        basis = _Basis(
            config=self.config,
            all_quiet=self.quiet is not None,
            quiet_topics=frozenset(self.quiet_topics),
            weights=self.weights,
            runners=runners,
        )
        if self._basis is not None and self._basis.holds_for(basis):
            return
        before = self._placed
        self._placed = self._place({number: child for number, (_, child) in runners.items()})
        self._run = {runners[number][0].number: shards for number, shards in self._placed.items()}
        self._basis = basis if self._placed == before else None

    def weigh(self, weights: dict[str, float]) -> list[Move]:
        """Place by new weights; what moves for them alone."""
        self.assign()
        before = self._placed
        self.weights = weights
        self.assign()
        return moves(before, self._placed, weights)

    def run_by(self, number: int) -> tuple[Shard, ...]:
        """The shards that the consumer in a slot runs: its own slot's, or those of the one it stands in for."""
        return self._run.get(number, ())

    def _runners(self) -> dict[int, tuple[Slot, Child]]:
        """Slot number -> who is to run what is placed there, and where that one is.

        It is the slot's own consumer or, while that is not ready, the one that stands in for it.
        """
        runners: dict[int, tuple[Slot, Child]] = {}
        for slot in self.members:
            if slot.child is not None and slot.child.takes_work:
                runners[slot.number] = slot, slot.child
        for slot in self:
            if slot.stands_in_for is None or slot.worker is None:
                continue
            absent = self.slots[slot.stands_in_for]
            if absent.wanted and absent.worker is None:
                runners[absent.number] = slot, slot.worker
        return {number: runner for number, runner in runners.items() if not self.slots[number].quiet}

    def _place(self, takers: Mapping[int, Child]) -> Assignment:
        """Topics that only some consumers know, while a reload goes on, or that are pinned, are spread over those."""
        groups: defaultdict[frozenset[int], list[Shard]] = defaultdict(list)
        for topic in self.config.topics.values():
            if not self.quiet and topic.name not in self.quiet_topics:
                knowing = frozenset(number for number, child in takers.items() if _may_run(number, child, topic))
                groups[knowing] += [Shard(topic.name, number) for number in range(topic.shards)]
        placed: Assignment = dict.fromkeys(takers, ())
        for knowing, shards in groups.items():
            for number, part in place(shards, knowing, previous=self._placed, weights=self.weights).items():
                placed[number] = tuple(sorted((*placed[number], *part)))
        return placed


def _may_run(number: int, child: Child, topic: Topic) -> bool:
    """Whether `child` may run what is placed on a slot of a topic."""
    return (not topic.slots or number in topic.slots) and topic.name in child.config.topics
