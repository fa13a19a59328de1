"""Lets the deliveries of an ordered queue be settled in the order of their offsets only.

When the broker takes one delivery of an ordered queue back, it delivers all behind it again, acked ones too
(rocketmq 5.5.0); settled in order, nothing finished lies behind something unfinished. Pure, on the loop thread.
"""

from collections import deque

from sylph_mp.consumer.delivery import Delivery

Queue = tuple[str, str, int]


class OffsetOrder:
    def __init__(self) -> None:
        self._queues: dict[Queue, deque[Delivery]] = {}
        self._ready: set[int] = set()
        """Entries that may be settled as soon as all before them are."""

    def add(self, delivery: Delivery) -> None:
        self._queues.setdefault(_queue_of(delivery), deque()).append(delivery)

    def ready(self, delivery: Delivery) -> list[Delivery]:
        """It is to be settled; returns those whose turn has come, in order."""
        self._ready.add(delivery.index)
        key = _queue_of(delivery)
        queue = self._queues[key]
        turn = []
        while queue and queue[0].index in self._ready:
            following = queue.popleft()
            self._ready.discard(following.index)
            turn.append(following)
        if not queue:
            del self._queues[key]
        return turn


def _queue_of(delivery: Delivery) -> Queue:
    broker, queue = delivery.source.queue
    return (delivery.subscription.name, broker, queue)
