"""The embedded broker itself: topics, groups, what each group has consumed, delays and transactions, in bounded memory.

Everything runs on the server's loop thread, times are milliseconds since 1970 and passed in. What it refuses is a
RefusedError.
"""

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from sylph_mp.devbroker.store.agenda import Agenda
from sylph_mp.devbroker.store.group import MAX_ATTEMPTS, Group
from sylph_mp.devbroker.store.handle import Handle, expired_error, parse_handle
from sylph_mp.devbroker.store.memory import Memory
from sylph_mp.devbroker.store.ordered import Ordered
from sylph_mp.devbroker.store.record import Delivery, Kind, Record
from sylph_mp.devbroker.store.refusal import Code, RefusedError
from sylph_mp.devbroker.store.subscription import Pop, Subscription
from sylph_mp.devbroker.store.topic import Topic
from sylph_mp.devbroker.store.transactions import Half, Transactions
from sylph_mp.devbroker.store.unordered import Unordered

QUEUES = 8


class Broker:
    """`alive` tells whether a client is there; `ask` puts the question about a half message to one."""

    def __init__(self, *, memory_bytes: int, alive: Callable[[str], bool], ask: Callable[[Half, str], None]) -> None:
        self.agenda = Agenda()
        self.memory = Memory(memory_bytes)
        self._alive = alive
        self._topics: dict[str, Topic] = {}
        self._groups: dict[str, Group] = {}
        self._subscriptions: dict[str, dict[str, Subscription]] = {}
        """By topic, then by group."""
        self._transactions = Transactions(agenda=self.agenda, ask=ask)
        self._stored_bytes = 0

    def create_topic(self, name: str, kind: Kind = Kind.NORMAL, queues: int = QUEUES) -> Topic:
        """Make a topic; one that exists stays as it is."""
        return self._topics.setdefault(name, Topic(name, kind=kind, queues=queues))

    def create_group(self, name: str, *, fifo: bool = False, max_attempts: int = MAX_ATTEMPTS) -> Group:
        """Make a group; one that exists stays as it is."""
        return self._groups.setdefault(name, Group(name, fifo, max_attempts))

    def topic(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            raise RefusedError(
                Code.TOPIC_NOT_FOUND, f"CODE: 17  DESC: No topic route info in name server for the topic: {name}"
            )
        return topic

    def kind_of(self, topic: str) -> Kind | None:
        known = self._topics.get(topic)
        return known.kind if known else None

    def group(self, name: str) -> Group | None:
        return self._groups.get(name)

    def send(self, topic: str, records: list[Record], now_ms: int) -> int:
        """Store the records of one request, all or none; returns the offset of the first, 0 if it is delayed."""
        known = self.topic(topic)
        self._make_room()
        self.memory.charge(records)
        delivered_ms = max(
            (_whole_second(record.deliver_at_ms) for record in records if record.deliver_at_ms), default=0
        )
        if delivered_ms <= now_ms:
            return self._append(known, records, now_ms)
        self.agenda.add(delivered_ms, partial(self._append, known, records))
        return 0

    def begin(self, topic: str, record: Record, *, check_after_ms: int, now_ms: int) -> str:
        """Store a half message; returns its transaction id."""
        self.topic(topic)
        self._make_room()
        self.memory.charge([record])
        return self._transactions.begin(topic, record, check_after_ms=check_after_ms, now_ms=now_ms)

    def end(self, transaction_id: str, *, commit: bool, now_ms: int) -> None:
        half = self._transactions.end(transaction_id)
        if commit:
            self._append(self.topic(half.topic), [half.record], now_ms)

    def subscription(self, topic: str, group: str) -> Subscription:
        """A group's place in a topic, made at its first use; so is a group that nobody made, as in RocketMQ."""
        known_topic = self.topic(topic)
        subscriptions = self._subscriptions.setdefault(topic, {})
        if group not in subscriptions:
            known_group = self.create_group(group)
            kind = Ordered if known_group.fifo else Unordered
            dead_letter = partial(self._dead_letter, known_group)
            subscriptions[group] = kind(
                known_topic, known_group, agenda=self.agenda, alive=self._alive, dead_letter=dead_letter
            )
        return subscriptions[group]

    def pop(self, topic: str, group: str, pop: Pop) -> list[Delivery]:
        return self.subscription(topic, group).pop(pop)

    def ack(self, topic: str, group: str, handles: list[str], now_ms: int) -> list[RefusedError | None]:
        """Settle deliveries, each for itself; what was refused, in their order."""
        return [self._ack(topic, group, handle, now_ms) for handle in handles]

    def change(self, topic: str, group: str, handle: str, *, invisible_ms: int, count: bool, now_ms: int) -> str:
        subscription, valid = self._valid(topic, group, handle, now_ms)
        return subscription.change(valid, invisible_ms=invisible_ms, count=count, now_ms=now_ms).text

    def dead_letter(self, topic: str, group: str, handle: str, now_ms: int) -> None:
        subscription, valid = self._valid(topic, group, handle, now_ms)
        taken = subscription.take(valid, now_ms)
        if taken is not None:
            record, attempt = taken
            self._dead_letter(self.create_group(group), record, attempt, now_ms)

    def abandon(self, client: str, now_ms: int) -> None:
        """A client has gone: what was renewed for it comes again."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions.values():
                subscription.abandon(client, now_ms)

    def _ack(self, topic: str, group: str, handle: str, now_ms: int) -> RefusedError | None:
        try:
            subscription, valid = self._valid(topic, group, handle, now_ms)
            subscription.ack(valid, now_ms)
        except RefusedError as refusal:
            return refusal
        return None

    def _valid(self, topic: str, group: str, handle: str, now_ms: int) -> tuple[Subscription, Handle]:
        parsed = parse_handle(handle)
        if topic not in self._topics:
            raise expired_error()
        subscription = self.subscription(topic, group)
        if parsed.expired(now_ms) and not subscription.holds(parsed):
            raise expired_error()
        return subscription, parsed

    def _append(self, topic: Topic, records: list[Record], now_ms: int) -> int:
        queue = topic.queue_for(records)
        first = queue.end
        for record in records:
            queue.append(record, now_ms=now_ms, position=self._stored_bytes)
            self._stored_bytes += record.size
        for subscription in self._subscriptions.get(topic.name, {}).values():
            subscription.bell.ring()
        return first

    def _dead_letter(self, group: Group, record: Record, attempt: int, now_ms: int) -> None:
        topic = self.create_topic(group.dead_letter_topic, queues=1)
        copy = replace(record, earlier_attempts=attempt)
        self.memory.replace(copy)
        self._append(topic, [copy], now_ms)

    def _make_room(self) -> None:
        """Forget what every group has passed, once half of the memory is used: till then a new group may have it."""
        if self.memory.used * 2 <= self.memory.limit:
            return
        for topic in self._topics.values():
            subscriptions = self._subscriptions.get(topic.name, {}).values()
            for queue in topic.queues:
                queue.cut(below=min((subscription.floor(queue.number) for subscription in subscriptions), default=0))


def _whole_second(at_ms: int) -> int:
    """The timer wheel turns once a second: a delayed message comes at the next whole one, never early."""
    return -(-at_ms // 1000) * 1000
