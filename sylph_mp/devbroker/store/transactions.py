"""Half messages: stored, invisible, until their producer says what becomes of them, or is asked.

A check goes to any client that publishes the topic, first after 6 s, then every 30 s, as in RocketMQ; after 15 of
them the message is given up. On the server's loop thread.
"""

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from sylph_mp.devbroker.store.agenda import Agenda
from sylph_mp.devbroker.store.record import Record
from sylph_mp.devbroker.store.refusal import Code, RefusedError

FIRST_CHECK_MS = 6_000
NEXT_CHECK_MS = 30_000
MOST_CHECKS = 15


class Half(Struct):
    topic: str
    record: Record
    checks: int = 0


#: Asks a publisher what becomes of a half message, which is known by its transaction id.
Ask = Callable[[Half, str], None]


class Transactions:
    def __init__(self, *, agenda: Agenda, ask: Ask) -> None:
        self._agenda = agenda
        self._ask = ask
        self._halves: dict[str, Half] = {}

    def begin(self, topic: str, record: Record, *, check_after_ms: int, now_ms: int) -> str:
        """Store a half message; returns its transaction id, which is the message's own id as in RocketMQ."""
        self._halves[record.id] = half = Half(topic, record)
        self._agenda.add(now_ms + max(check_after_ms, FIRST_CHECK_MS), partial(self._check, record.id, half))
        return record.id

    def end(self, transaction_id: str) -> Half:
        """Take a half message out. Raises RefusedError if there is none."""
        if not transaction_id:
            raise RefusedError(Code.INVALID_TRANSACTION_ID, "transaction id cannot be empty")
        half = self._halves.pop(transaction_id, None)
        if half is None:
            raise RefusedError(Code.INTERNAL_SERVER_ERROR, "cannot found transaction data")
        return half

    def _check(self, transaction_id: str, half: Half, now_ms: int) -> None:
        if self._halves.get(transaction_id) is not half:
            return
        if half.checks == MOST_CHECKS:
            del self._halves[transaction_id]
            return
        half.checks += 1
        self._agenda.add(now_ms + NEXT_CHECK_MS, partial(self._check, transaction_id, half))
        self._ask(half, transaction_id)
