"""Passes the server's questions about transactions on to a consumer whose app can answer them. On the loop thread."""

import asyncio
from collections.abc import Iterator
from itertools import count

from sylph_mp.api import Message, Resolution
from sylph_mp.master.child import Child
from sylph_mp.master.fleet import Fleet
from sylph_mp.pipe import CheckTransaction, TransactionChecked

#: A consumer answers within 10 s, or its process is in trouble; the server asks again.
ANSWER_S = 15.0


class TransactionChecks:
    def __init__(self, *, fleet: Fleet) -> None:
        self._fleet = fleet
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Resolution]] = {}

    def topics(self) -> set[tuple[str, str]]:
        """Instance and topic of all that some consumer's app can check."""
        return {
            (instance, topic)
            for child in self._fleet.children().values()
            for topic, instance in child.checkers.items()
            if child.takes_work
        }

    async def ask(self, message: Message) -> Resolution:
        """What the app's checker says; UNKNOWN where nobody answers."""
        child = next(self._able(message.topic), None)
        if child is None:
            return Resolution.UNKNOWN
        number = next(self._numbers)
        self._asked[number] = answer = asyncio.get_running_loop().create_future()
        child.tell(CheckTransaction(number, message))
        try:
            return await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            return Resolution.UNKNOWN
        finally:
            del self._asked[number]

    def answered(self, news: TransactionChecked) -> None:
        answer = self._asked.get(news.number)
        if answer is not None and not answer.done():
            answer.set_result(news.resolution)

    def _able(self, topic: str) -> Iterator[Child]:
        """Those that beat and can check it, the least busy first."""
        able = [
            slot.child
            for slot in self._fleet
            if slot.child is not None and slot.child.takes_work and topic in slot.child.checkers and not slot.hung
        ]
        return iter(sorted(able, key=lambda child: child.report.in_flight if child.report else 0))
