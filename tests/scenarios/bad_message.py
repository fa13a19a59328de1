"""One process with good messages and one whose first call does not end: what the scenarios of the watchdog share."""

from pathlib import Path
from typing import Any

from tests.brokers.embedded import EmbeddedBroker
from tests.brokers.real import RealBroker
from tests.scenarios.real_fleet import RealFleet, assert_each_once, send

OTHERS = [f"m{number}" for number in range(60)]

#: `begun` and `ended` are lines of the ledger too; the process of a call that has no end is killed.
WORK = """\
import asyncio
    def note(what: str) -> None:
        who = f"{os.getpid()} {threading.get_ident()}"
        os.write(ledger, f"{what} {who} {began:.6f} {time.monotonic():.6f}\\n".encode())
    PAUSE
    if text == "bad" and ctx.attempt == 1:
        note("begun")
        try:
            FIRST_CALL
        finally:
            note("ended")
    PAUSE"""


class BadMessageFleet(RealFleet):
    """`first_call` and `pause`, which every call does before and after, are statements."""

    def __init__(
        self,
        folder: Path,
        broker: RealBroker | EmbeddedBroker,
        *,
        first_call: str,
        limit_s: float,
        pause: str = "pass",
        **settings: Any,
    ) -> None:
        super().__init__(
            folder,
            endpoint=broker.endpoint,
            topic=broker.topic(),
            group=broker.group(),
            processes=(1, 1),
            threads=4,
            time_limit_s=limit_s,
            work=WORK.replace("FIRST_CALL", first_call).replace("PAUSE", pause),
            **settings,
        )
        self._limit_s = limit_s

    def handle_all(self) -> None:
        self.until_running(1)
        send(self.endpoint, self.topic, ["bad", *OTHERS])
        self.until(lambda: {"bad", *OTHERS} <= self.times_handled().keys(), limit_s=60)

    def assert_ended_in_its_process(self) -> None:
        """The first call was ended within twice its limit; its process handled everything."""
        assert self.stop() == 0
        ended = next(call for call in self.ledger() if call.text == "ended")
        assert self._limit_s <= ended.ended - ended.began < 2 * self._limit_s
        self._assert_others_unharmed()
        assert len({call.pid for call in self.ledger()}) == 1

    def assert_cost_its_process(self, *, last_exit: str) -> None:
        """The first call's process was replaced within twice the limit, and died of nothing else."""
        slot = self.look().slots[0]
        assert slot.crashes == 1
        assert last_exit in (slot.last_exit or "")
        assert self.stop() == 0
        calls = {call.text: call for call in self.ledger()}
        assert calls["bad"].pid != calls["begun"].pid
        assert calls["bad"].began - calls["begun"].began < 2 * self._limit_s
        self._assert_others_unharmed()

    def _assert_others_unharmed(self) -> None:
        assert_each_once(self.times_handled(), ["bad", *OTHERS])
