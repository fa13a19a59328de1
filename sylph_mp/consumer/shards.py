"""The receivers of this process, kept equal to what the master assigned. Runs on the loop thread."""

from collections.abc import Callable, Iterable

from sylph_mp.consumer.receiver import Receiver
from sylph_mp.pipe import Shard


class Shards:
    def __init__(self, *, receiver: Callable[[str], Receiver]) -> None:
        """`receiver(topic)` makes one that is not started."""
        self._receiver = receiver
        self._active: dict[Shard, Receiver] = {}
        self._leaving: list[Receiver] = []

    def assign(self, shards: Iterable[Shard]) -> None:
        """Start what is new; let the polls of what is no longer here run out."""
        wanted = set(shards)
        for shard in sorted(set(self._active) - wanted):
            receiver = self._active.pop(shard)
            receiver.quiet()
            self._leaving.append(receiver)
        for shard in sorted(wanted - set(self._active)):
            receiver = self._active[shard] = self._receiver(shard.topic)
            receiver.start()
        self._leaving = [receiver for receiver in self._leaving if receiver.polling]

    @property
    def polling(self) -> bool:
        """Some poll is outstanding, be it of a shard that is leaving."""
        return any(receiver.polling for receiver in (*self._active.values(), *self._leaving))
