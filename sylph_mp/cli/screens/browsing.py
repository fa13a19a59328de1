"""Where somebody is in `sylph top`: the row, what is open, how it is sorted, and what a key does. Pure."""

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from sylph_mp.cli.screens import slots, topics
from sylph_mp.control.protocol import Kill, Quiet, Recycle, Start, Verb
from sylph_mp.control.status import SlotStatus, Snapshot, TopicStatus
from sylph_mp.control.target import Slot, Target, Topic

Sort = Literal["worst first", "rate", "slowest", "in flight"]
SORTS: tuple[Sort, ...] = ("worst first", "rate", "slowest", "in flight")

#: Keys and what they do, as the help shows them.
KEYS = (
    ("q", "quit"),
    ("j k", "next row, row before; the arrow keys too"),
    ("enter", "all about the row: a slot's threads, a topic's errors; escape: back"),
    ("/", "only rows with a text in topic, handler or state; escape: all"),
    ("s", f"sort by: {', '.join(SORTS)}"),
    ("p", "freeze the screen; the fleet goes on"),
    ("Q", "quiet: the row's slot or topic takes no new deliveries"),
    ("S", "start: it takes deliveries again"),
    ("R", "recycle: the slot's consumer drains and is replaced"),
    ("K", "kill the slot's consumer; asks for the slot's number"),
)
_TOPIC_SORTS: dict[Sort, Callable[[TopicStatus], float]] = {
    "rate": lambda topic: topic.rate_per_s or 0.0,
    "slowest": lambda topic: topic.end_p99_s or 0.0,
    "in flight": lambda topic: topics.in_flight(topic) or 0.0,
}
_SLOT_SORTS: dict[Sort, Callable[[SlotStatus], float]] = {
    "rate": lambda slot: slot.rate_per_s or 0.0,
    "slowest": lambda slot: max((call.run_s for call in slot.running), default=0.0),
    "in flight": lambda slot: slot.in_flight,
}
_ACTS: dict[str, Callable[[Target, str], Verb]] = {
    "Q": Quiet,
    "S": Start,
    "R": lambda target, _: Recycle(target),
}


class Leave(Struct, frozen=True):
    """It is over."""


class Browsing:
    def __init__(self, *, by: str) -> None:
        """`by` is who is at the keyboard, for what a key does to the fleet."""
        self.snapshot: Snapshot | None = None
        """What is shown; None before the first look."""
        self.lost_since: str | None = None
        """Since when there is no answer, RFC 3339; what is shown is older."""
        self.lost_why = ""
        self.frozen = False
        self.sort: Sort = SORTS[0]
        self.filter = ""
        self.typing: Literal["filter", "kill"] | None = None
        self.typed = ""
        self.selected: Target | None = None
        self.opened = False
        """Whether all about the selected row is shown."""
        self.help = False
        self.answer = ""
        """What the last act came to, until the next key."""
        self._by = by
        self._local: dict[str, Callable[[], None]] = {
            "j": self._down,
            "down": self._down,
            "k": self._up,
            "up": self._up,
            "enter": self._open,
            "escape": self._back,
            "/": self._ask_for_filter,
            "s": self._sort_by_the_next,
            "p": self._freeze,
            "?": self._explain,
            "K": self._ask_for_number,
        }

    def see(self, snapshot: Snapshot) -> None:
        """Take in a look; one that found no master leaves the last one on the screen."""
        if snapshot.master is None:
            self.lost_since = self.lost_since or snapshot.at
            self.lost_why = snapshot.verdict.replace("-", " ")
        elif not self.frozen:
            self.snapshot, self.lost_since = snapshot, None
            self._keep_a_row()
        else:
            self.lost_since = None

    def topics(self) -> list[TopicStatus]:
        """As they are to be shown."""
        if self.snapshot is None:
            return []
        shown = [topic for topic in topics.worst_first(self.snapshot) if self._is_meant(topic.topic, topic.state)]
        key = _TOPIC_SORTS.get(self.sort)
        return sorted(shown, key=key, reverse=True) if key else shown

    def slots(self) -> list[SlotStatus]:
        """As they are to be shown."""
        if self.snapshot is None:
            return []
        shown = [
            slot
            for slot in slots.worst_first(self.snapshot)
            if self._is_meant(f"slot {slot.slot}", slot.state, *slot.shards, *(call.handler for call in slot.running))
        ]
        key = _SLOT_SORTS.get(self.sort)
        return sorted(shown, key=key, reverse=True) if key else shown

    def press(self, key: str) -> Verb | Leave | None:
        """What is to be done; all that only this screen needs is done here."""
        self.answer = ""
        if self.typing is not None:
            return self._type(key)
        if key == "q":
            return Leave()
        if key in _ACTS:
            return _ACTS[key](self.selected, self._by) if self.selected is not None else None
        if do := self._local.get(key):
            do()
        return None

    def _type(self, key: str) -> Verb | None:
        typing = self.typing
        if key == "escape":
            self.typing = None
            self.filter = "" if typing == "filter" else self.filter
        elif key == "enter":
            self.typing = None
            return self._kill() if typing == "kill" else None
        elif key == "backspace":
            self.typed = self.typed[:-1]
        elif len(key) == 1:
            self.typed += key
        if self.typing == "filter":
            self.filter = self.typed
            self._keep_a_row()
        return None

    def _open(self) -> None:
        self.opened = not self.opened and self.selected is not None

    def _back(self) -> None:
        """Out of what is open; else to all rows."""
        if not (self.opened or self.help):
            self.filter = ""
        self.opened = self.help = False

    def _ask_for_filter(self) -> None:
        self.typing, self.typed = "filter", self.filter

    def _sort_by_the_next(self) -> None:
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]

    def _freeze(self) -> None:
        self.frozen = not self.frozen

    def _explain(self) -> None:
        self.help = not self.help

    def _ask_for_number(self) -> None:
        if isinstance(self.selected, Slot):
            self.typing, self.typed = "kill", ""
        else:
            self.answer = "K kills the consumer in a slot: select one first"

    def _kill(self) -> Verb | None:
        if isinstance(self.selected, Slot) and self.typed == str(self.selected.number):
            return Kill(self.selected)
        self.answer = "nothing is killed: that is another number"
        return None

    def _down(self) -> None:
        self._move(1)

    def _up(self) -> None:
        self._move(-1)

    def _move(self, by: int) -> None:
        rows = self._rows()
        if rows:
            place = rows.index(self.selected) + by if self.selected in rows else 0
            self.selected = rows[min(max(place, 0), len(rows) - 1)]

    def _keep_a_row(self) -> None:
        rows = self._rows()
        if self.selected not in rows:
            self.selected = rows[0] if rows else None
            self.opened = False

    def _rows(self) -> Sequence[Target]:
        return [*(Topic(topic.topic) for topic in self.topics()), *(Slot(slot.slot) for slot in self.slots())]

    def _is_meant(self, *words: str) -> bool:
        return any(self.filter.lower() in word.lower() for word in words)
