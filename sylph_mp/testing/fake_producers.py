"""Producers without a broker: a test looks at what would have been sent. In the test's threads."""

from collections import deque
from collections.abc import Callable, Sequence

from sylph_mp.errors import BrokerError
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer.encoding import Encoded, Encoder, Kind
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.producer.outlet import Answer, OnAnswer, Receipt
from sylph_mp.producer.producers import Producers
from sylph_mp.producer.tally import LaneSnapshot


class FakeProducers(Producers):
    """Takes and refuses what the real ones do. `failures` are the errors of the next messages, one each."""

    def __init__(self) -> None:
        super().__init__("fake:0", new_engine=lambda: self._fake)
        self.failures: deque[BrokerError | None] = deque()
        self._encoded: dict[str, Outgoing] = {}
        self._fake = _FakeEngine(self.failures)

    @property
    def sent(self) -> list[Outgoing]:
        """What was stored, in its order; half messages from their commit on."""
        return [self._encoded[message_id] for message_id in self._fake.stored]

    @property
    def halves(self) -> list[Outgoing]:
        """Half messages that were neither committed nor rolled back."""
        return [self._encoded[message_id] for message_id in self._fake.halves]

    def encoding(self, kind: Kind) -> Callable[[Outgoing], Encoded]:
        encode = super().encoding(kind)

        def remember(outgoing: Outgoing) -> Encoded:
            encoded = encode(outgoing)
            self._encoded[encoded.id] = outgoing
            return encoded

        return remember


class _FakeEngine:
    def __init__(self, failures: deque[BrokerError | None]) -> None:
        self.encoder = Encoder("", Limits())
        self.stored: list[str] = []
        self.halves: list[str] = []
        self._failures = failures

    def send(self, messages: Sequence[Encoded], on_answer: OnAnswer) -> None:
        for place, message in enumerate(messages):
            error = self._failures.popleft() if self._failures else None
            if error is None:
                (self.halves if message.kind is Kind.TRANSACTION else self.stored).append(message.id)
            on_answer(Answer(place, 1, error))

    def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None:
        self.halves.remove(half.id)
        if commit:
            self.stored.append(half.id)

    def snapshot(self) -> list[LaneSnapshot]:
        return []

    def flush(self, wait_s: float) -> bool:
        return True

    def close(self, deadline: Deadline) -> None:
        pass
