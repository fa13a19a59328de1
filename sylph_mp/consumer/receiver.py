"""One shard: receives messages of a topic, one long poll after the other. Runs on the loop thread.

One poll is outstanding while little comes; more, up to MAX_POLLS, while receives come back full: the polls of a
process that dies go on eating messages in the broker (rocketmq 5.5.0), so there should be few.
"""

from itertools import count
from uuid import uuid4

from sylph_mp.consumer.asking import Asking
from sylph_mp.consumer.background import Background
from sylph_mp.consumer.credit import MAX_BATCH
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.poll_lines import PollLines
from sylph_mp.consumer.subscription import Subscription

MAX_POLLS = 4
#: Hexadecimal digits that tell receivers apart in attempt ids; the count behind them fits a poll's line for ever.
NAME_DIGITS = 24


class Receiver:
    def __init__(self, *, subscription: Subscription, intake: Intake, lines: PollLines, background: Background) -> None:
        self._subscription = subscription
        self._intake = intake
        self._lines = lines
        self._background = background
        self._quiet = False
        self._name = uuid4().hex[:NAME_DIGITS]
        self._attempts = count(1)
        self._loops: set[Asking] = set()

    def start(self) -> None:
        self._add_loop()

    def quiet(self) -> None:
        self._quiet = True
        for asking in self._loops:
            asking.quiet()

    @property
    def polling(self) -> bool:
        """Polls are outstanding."""
        return any(asking.polling for asking in self._loops)

    def _add_loop(self) -> None:
        line = self._lines.take(self._subscription)
        asking = Asking(subscription=self._subscription, intake=self._intake, line=line)
        self._loops.add(asking)
        self._background.run(self._receive(asking))

    async def _receive(self, asking: Asking) -> None:
        try:
            while (answer := await asking.answered(self._new_attempt_id())) is not None:
                asking.take(answer)
                count = len(answer.received)
                if count == MAX_BATCH:
                    if len(self._loops) < MAX_POLLS and not self._quiet:
                        self._add_loop()
                elif not answer.full and len(self._loops) > 1:
                    break
        finally:
            self._loops.discard(asking)
            if not asking.polling:
                self._lines.give_back(asking.line)

    def _new_attempt_id(self) -> str:
        return f"{self._name}-{next(self._attempts)}"
