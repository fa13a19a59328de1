"""Neighbouring messages of one topic, kind and group, joined: what a publisher takes, and answers, as one. Pure.

Because a request for many messages is the concatenation of their parts, a bundle is sent as it is, and cut where it
is too long. Nothing here looks at a single message.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from sylph_mp.producer.encoding import Encoded, Kind

#: What a broker adds to each message of a batch, at most: it counts bodies and properties in its own form (5.5.0).
OVERHEAD_BYTES = 156


class Bundle:
    __slots__ = ("count", "ends", "first", "group", "kind", "parts", "topic", "weight")

    def __init__(
        self, topic: str, kind: Kind, group: str, parts: bytes | memoryview, ends: Sequence[int], first: int = 0
    ) -> None:
        """`ends` says where in `parts` each message ends; `first` is the place of the first in what it was cut from."""
        self.topic = topic
        self.kind = kind
        self.group = group
        self.parts = parts
        self.ends = ends
        self.first = first
        self.count = count = len(ends)
        """How many messages it has."""
        self.weight = len(parts) + OVERHEAD_BYTES * count
        """In bytes, as a broker counts them in a batch."""

    @classmethod
    def of(cls, messages: Sequence[Encoded], first: int = 0) -> "Bundle":
        """Of messages which have all but id and part in common."""
        head = messages[0]
        if len(messages) == 1:
            return cls(head.topic, head.kind, head.group, head.part, (len(head.part),), first)
        parts = [message.part for message in messages]
        return cls(head.topic, head.kind, head.group, b"".join(parts), list(accumulate(map(len, parts))), first)

    def fitting(self, weight: int) -> int:
        """How many messages, from the first, are no heavier than that together."""
        places = range(self.count)
        return bisect_right(places, weight, key=lambda place: self.ends[place] + OVERHEAD_BYTES * (place + 1))

    def cut(self, count: int) -> tuple["Bundle", "Bundle"]:
        """The first `count` messages, at least one and not all, and the others."""
        ends, view = self.ends, memoryview(self.parts)
        middle = ends[count - 1]
        return (
            Bundle(self.topic, self.kind, self.group, view[:middle], ends[:count], self.first),
            Bundle(
                self.topic,
                self.kind,
                self.group,
                view[middle:],
                [end - middle for end in ends[count:]],
                self.first + count,
            ),
        )

    def singles(self) -> Iterator["Bundle"]:
        """Each message by itself."""
        if self.count == 1:
            yield self
            return
        begin = 0
        for place, end in enumerate(self.ends):
            part = bytes(self.parts[begin:end])
            yield Bundle(self.topic, self.kind, self.group, part, (end - begin,), self.first + place)
            begin = end
