"""Wires what receives: credit, leases, the shards' receivers, and the polls of a dead process. On the loop thread."""

from collections.abc import Mapping

from sylph_mp.consumer.background import Background
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.handling import Handling
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.leases import Leases
from sylph_mp.consumer.poll_lines import PollLines
from sylph_mp.consumer.receiver import Receiver
from sylph_mp.consumer.repeats import Repeats
from sylph_mp.consumer.settlement import Settlement
from sylph_mp.consumer.shards import Shards
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.turnstile import Rates
from sylph_mp.pipe import Spawn
from sylph_mp.shm.polls import Polls


class Receiving:
    def __init__(
        self,
        spawn: Spawn,
        *,
        subscriptions: Mapping[str, Subscription],
        polls: Polls,
        rates: Rates,
        buffer: Buffer,
        handling: Handling,
        settlement: Settlement,
        background: Background,
    ) -> None:
        self._async_calls = spawn.config.consumers.async_calls
        self._rate_lines = spawn.rate_lines
        self._rates = rates
        self._handling = handling
        self.leases = Leases(buffer=buffer, background=background)
        self.intake = intake = Intake(
            buffer=buffer,
            leases=self.leases,
            dispatch=handling.dispatcher.add,
            hand_back=settlement.hand_back,
            capacity=self._capacity,
            rate_per_s=self._rate_per_s,
            blocked=lambda: handling.outbox.full,
        )
        lines = PollLines(polls)
        self.repeats = Repeats(intake=intake, buffer=buffer, lines=lines, background=background)
        self.shards = Shards(
            receiver=lambda topic: Receiver(
                subscription=subscriptions[topic], intake=intake, lines=lines, background=background
            )
        )
        handling.outbox.when_room(intake.room)
        settlement.listen(intake.room)
        settlement.listen(self.repeats.settled)

    @property
    def polling(self) -> bool:
        """Polls are outstanding."""
        return self.shards.polling or self.repeats.polling

    def quiet(self) -> None:
        """Ask for nothing any more; what polls still bring is handed back."""
        self.intake.draining = True
        self.shards.assign(())
        self.repeats.quiet()

    def _capacity(self, subscription: Subscription) -> int:
        if subscription.handler.is_async:
            return self._async_calls
        return self._handling.pool.size * subscription.handler.batch

    def _rate_per_s(self, subscription: Subscription) -> float:
        if not self._rates.any_limited:
            return 0.0
        return self._rates.rate_per_s(self._rate_lines[subscription.name])
