"""What became of every line: counts, how far everything is settled, and the lines that were not stored.

On the loop thread of the command.
"""

from collections.abc import Callable

from sylph_mp.cli.sending.frontier import Frontier
from sylph_mp.cli.sending.lines import Line
from sylph_mp.errors import BrokerError, NotSentError, OutgoingError, SaturatedError, SylphError
from sylph_mp.producer.outlet import Receipt

#: When so many lines have failed and none was stored, the rest would fail too.
HOPELESS = 100


class Ledger:
    """`on_change` is told when a message is settled, `on_failure` of each line that failed."""

    def __init__(
        self, *, skip: int, on_change: Callable[[], None], on_failure: Callable[[Line, SylphError, bool], None]
    ) -> None:
        self.stored = 0
        self.stored_bytes = 0
        self.failed = 0
        self.faulty = 0
        """Of those that failed: lines that are no messages, which no broker has seen."""
        self.unknown = 0
        """May be stored: the answer did not come."""
        self.blank = 0
        self.under_way = 0
        self.away: BrokerError | None = None
        """The broker has not been there for as long as a message may wait."""
        self.frontier = Frontier(skip)
        self._skip = skip
        self._on_change = on_change
        self._on_failure = on_failure
        self._ending = False

    @property
    def settled(self) -> int:
        return self.stored + self.failed + self.unknown

    @property
    def is_hopeless(self) -> bool:
        return self.failed >= HOPELESS and not self.stored

    def of(self, total_lines: int) -> int:
        """How many messages a file of so many lines has, as far as it is known."""
        return max(0, total_lines - self._skip - self.blank)

    def leave_out(self, line: Line) -> None:
        """A blank one."""
        self.blank += 1
        self.frontier.settle(line.number)

    def refuse(self, line: Line, error: OutgoingError) -> None:
        """A line that cannot be sent."""
        self.faulty += 1
        self._fail(line, error)

    def begin(self) -> None:
        self.under_way += 1

    def end(self) -> None:
        """What is settled from now on without being stored is given up, not failed: it is to be sent again."""
        self._ending = True

    def settle(self, line: Line, size: int, receipt: Receipt) -> None:
        self.under_way -= 1
        error = receipt.error
        if error is None:
            self.stored += 1
            self.stored_bytes += size
            self.frontier.settle(line.number)
        elif receipt.unknown:
            self.unknown += 1
            if not self._ending:
                self._on_failure(line, error, True)
                self.frontier.settle(line.number)
        elif isinstance(error, NotSentError):
            self.away = self.away if self._ending else error
        elif not isinstance(error, SaturatedError):
            self._fail(line, error)
        self._on_change()

    def _fail(self, line: Line, error: SylphError) -> None:
        self.failed += 1
        self._on_failure(line, error, False)
        self.frontier.settle(line.number)
