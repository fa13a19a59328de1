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
    """All of what was joined, or a stretch of it: cutting copies nothing."""

    __slots__ = ("_begin", "_ends", "_whole", "count", "first", "group", "kind", "size", "topic", "weight")

    def __init__(
        self,
        topic: str,
        kind: Kind,
        group: str,
        whole: bytes,
        ends: Sequence[int],
        first: int = 0,
        stretch: tuple[int, int] | None = None,
    ) -> None:
        """`ends` says where in `whole` each message ends; `stretch` is which of them, from and before, are meant."""
        begin, end = stretch or (0, len(ends))
        self.topic = topic
        self.kind = kind
        self.group = group
        self.first = first
        """Place of its first message in what was submitted."""
        self.count = end - begin
        """How many messages it has."""
        self.size = ends[end - 1] - (ends[begin - 1] if begin else 0)
        """In bytes."""
        self.weight = self.size + OVERHEAD_BYTES * self.count
        """In bytes, as a broker counts them in a batch."""
        self._whole = whole
        self._ends = ends
        self._begin = begin

    @classmethod
    def of(cls, messages: Sequence[Encoded], first: int = 0) -> "Bundle":
        """Of messages which have all but id and part in common."""
        head = messages[0]
        if len(messages) == 1:
            return cls(head.topic, head.kind, head.group, head.part, (len(head.part),), first)
        parts = [message.part for message in messages]
        return cls(head.topic, head.kind, head.group, b"".join(parts), list(accumulate(map(len, parts))), first)

    @property
    def parts(self) -> bytes | memoryview:
        """The messages, one after the other, each as a field of a SendMessageRequest."""
        if self.count == len(self._ends):
            return self._whole
        begin = self._offset(0)
        return memoryview(self._whole)[begin : begin + self.size]

    def fitting(self, weight: int) -> int:
        """How many messages, from the first, are no heavier than that together."""
        begin = self._offset(0)
        counts = range(1, self.count + 1)
        return bisect_right(counts, weight, key=lambda count: self._offset(count) - begin + OVERHEAD_BYTES * count)

    def cut(self, count: int) -> tuple["Bundle", "Bundle"]:
        """The first `count` messages, at least one and not all, and the others."""
        return self._stretch(0, count), self._stretch(count, self.count)

    def singles(self) -> Iterator["Bundle"]:
        """Each message by itself."""
        if self.count == 1:
            yield self
            return
        for place in range(self.count):
            yield self._stretch(place, place + 1)

    def _offset(self, count: int) -> int:
        """Where in the whole the first `count` messages end."""
        place = self._begin + count
        return self._ends[place - 1] if place else 0

    def _stretch(self, begin: int, end: int) -> "Bundle":
        stretch = self._begin + begin, self._begin + end
        return Bundle(self.topic, self.kind, self.group, self._whole, self._ends, self.first + begin, stretch)
