"""Lanes: deliveries that must run in order. One runs, those behind it wait; lanes run beside each other.

Pure bookkeeping on the loop thread: says what may run now, runs nothing.
"""

from collections import deque
from collections.abc import Hashable, Iterable

from sylph_mp.consumer.delivery import Delivery


def lane_of(delivery: Delivery) -> Hashable:
    """Its message group; without one, its queue, since the broker keeps that in order."""
    source = delivery.source
    return (delivery.subscription.name, source.group or source.queue)


class Lanes:
    def __init__(self) -> None:
        self._lanes: dict[Hashable, deque[Delivery]] = {}
        self._running: dict[Hashable, int] = {}
        """How many deliveries at the head of a lane are running or waiting for their retry."""

    def add(self, deliveries: Iterable[Delivery]) -> list[list[Delivery]]:
        """Put deliveries at the ends of their lanes; returns what may run now, one list a call."""
        touched: dict[Hashable, None] = {}
        for delivery in deliveries:
            key = lane_of(delivery)
            self._lanes.setdefault(key, deque()).append(delivery)
            touched[key] = None
        return [calls for key in touched if (calls := self._next(key))]

    def begun(self, deliveries: Iterable[Delivery]) -> None:
        """Put deliveries that are out already at the heads of their lanes, which have nothing else yet."""
        for delivery in deliveries:
            key = lane_of(delivery)
            self._lanes.setdefault(key, deque()).append(delivery)
            self._running[key] = self._running.get(key, 0) + 1

    def finished(self, delivery: Delivery) -> list[Delivery]:
        """It need not hold up its lane any more; returns what may run now, empty while others of its call are out."""
        key = lane_of(delivery)
        lane = self._lanes[key]
        lane.remove(delivery)
        self._running[key] -= 1
        if self._running[key]:
            return []
        del self._running[key]
        if not lane:
            del self._lanes[key]
            return []
        return self._next(key)

    def withdraw(self) -> list[Delivery]:
        """Take out all that has not begun, the latest of each lane first."""
        return [delivery for key in list(self._lanes) for delivery in self._take(key)]

    def withdraw_behind(self, delivery: Delivery) -> list[Delivery]:
        """The same of one lane only: that of a delivery which is out."""
        return self._take(lane_of(delivery))

    def _take(self, key: Hashable) -> list[Delivery]:
        lane = self._lanes[key]
        taken = [lane.pop() for _ in range(len(lane) - self._running.get(key, 0))]
        if not lane:
            del self._lanes[key]
        return taken

    def _next(self, key: Hashable) -> list[Delivery]:
        if self._running.get(key):
            return []
        lane = self._lanes[key]
        count = min(len(lane), lane[0].subscription.handler.batch)
        self._running[key] = count
        return [lane[place] for place in range(count)]
