"""In order: messages of one message group run one after the other, those of different groups in parallel.

Nothing in the code says so: the topic is FIFO, and so is the consumer group at the broker (`updateSubGroup -o true`).

    sylph run --config workers/ordered.toml
"""

import threading
from typing import Literal

import msgspec

from sylph_mp import App, Message

app = App()

Step = Literal["placed", "paid", "sent"]


class Change(msgspec.Struct):
    step: Step


class Ledger:
    """The last step of each order. Groups run in parallel threads, so it has a lock; one group never does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: dict[str, Step] = {}

    def advance(self, order: str, step: Step) -> Step | None:
        """Note a step; returns the one before it."""
        with self._lock:
            before = self._steps.get(order)
            self._steps[order] = step
            return before


ledger = Ledger()


@app.handler("order-changes")
def follow(message: Message) -> None:
    """Takes the whole message, for its message group. A change may come twice: noting it again does no harm."""
    change = msgspec.json.decode(message.body, type=Change)
    ledger.advance(message.group or message.id, change.step)
