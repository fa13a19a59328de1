"""Sends the messages of one instance: a lane for each topic and kind, over one session for each topic.

Implements `BundleOutlet`. On the loop thread of who sends; to be made after a fork.
"""

import asyncio
from collections.abc import Callable, Mapping
from itertools import count

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance, Producers
from sylph_mp.errors import BrokerError, SaturatedError, TransportError
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Encoded, Kind
from sylph_mp.producer.lane import Address, Lane, Unit, messages_in
from sylph_mp.producer.outgoing import Limits
from sylph_mp.producer.outlet import Answer, OnAnswer, OnReceipt, Receipt, Room
from sylph_mp.producer.pace import Bounds, Pace
from sylph_mp.producer.retries import Rules, is_unknown, wait_s
from sylph_mp.producer.send_queues import BatchQueue, GroupQueue, SendQueue, SingleQueue
from sylph_mp.producer.tally import LaneSnapshot
from sylph_mp.rocketmq.keyed_pool import KeyedPool, PoolCounts
from sylph_mp.rocketmq.publishing_session import OnOrphan, PublishingSession

#: The session of a topic to which nothing was sent for so long is closed.
IDLE_S = 60.0
#: Lanes are kept for their counts; beyond so many the idle ones go.
MAX_LANES = 1000
#: A session whose calls have had no answer for so long is replaced by a new one.
BROKEN_S = 30.0
_SWEEP_S = 5.0
#: Requests on the wire before anything was measured.
_FIRST_BATCHES = 2
_FIRST_SINGLES = 16


class Publisher:
    """`on_limits` is told what the server takes, each time a session has opened.

    `on_settled` is told how many messages and bytes leave the queue, just before they get their receipts.
    """

    def __init__(
        self,
        instance: Instance,
        settings: Producers,
        *,
        clock: Clock,
        on_orphan: OnOrphan | None = None,
        on_limits: Callable[[Limits], None] | None = None,
        on_settled: Callable[[int, int], None] | None = None,
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._clock = clock
        self._on_orphan = on_orphan
        self._on_limits = on_limits
        self._on_settled = on_settled
        self._messages = settings.queue
        self._size = settings.queue_bytes
        self._sessions: KeyedPool[str, PublishingSession] = KeyedPool(start=self._start_session, stop=_stop)
        self._lanes: dict[tuple[str, Kind], Lane] = {}
        self._closing = False
        self._waiting: list[Callable[[], None]] = []
        self._empty = asyncio.Event()
        self._sweeping: asyncio.Task[None] | None = None
        self._watched: set[str] = set()
        self._watch_failures: dict[str, str] = {}

    @property
    def room(self) -> Room:
        return Room(self._messages, self._size)

    @property
    def sessions(self) -> PoolCounts:
        return self._sessions.counts

    def submit(self, encoded: Encoded, on_receipt: OnReceipt) -> bool:
        """See `Outlet`."""
        ids = (encoded.id,)

        def answered(answer: Answer) -> None:
            on_receipt(answer.receipts(ids)[0])

        return self.submit_bundle(Bundle.of((encoded,)), answered)

    def submit_bundle(self, bundle: Bundle, on_answer: OnAnswer) -> bool:
        """See `BundleOutlet`. One larger than the whole queue is taken when the queue is empty."""
        count, size = bundle.count, bundle.size
        empty = self._messages == self._settings.queue
        if self._closing or ((self._messages < count or self._size < size) and not empty):
            return False
        self._messages -= count
        self._size -= size
        lane = self._lanes.get((bundle.topic, bundle.kind)) or self._new_lane(bundle.topic, bundle.kind)
        lane.put(bundle, on_answer)
        return True

    def when_room(self, callback: Callable[[], None]) -> None:
        self._waiting.append(callback)

    def drop_oldest(self, topic: str, kind: Kind) -> bool:
        """Take back the message of a lane that waits for longest; its receipt says so. False if none waits."""
        lane = self._lanes.get((topic, kind))
        dropped = lane.drop_oldest() if lane else None
        if dropped is None:
            return False
        self._settle([dropped])
        full = SaturatedError("dropped: the queue was full, it was the oldest")
        dropped.on_answer(Answer(dropped.bundle.first, 1, full))
        return True

    async def session(self, topic: str) -> PublishingSession:
        """The topic's open session. Raises BrokerError."""
        session = await self._sessions.open(topic)
        failing_since = session.health.failing_since
        if failing_since is not None and self._clock.monotonic() - failing_since > BROKEN_S:
            await self._sessions.discard(topic)
            session = await self._sessions.open(topic)
        return session

    async def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None:
        """Deliver a half message or drop it. Raises BrokerError; then the server asks later what is to become of it."""
        for tries in count(1):
            try:
                session = await self.session(topic)
                await session.end_transaction(half.id, half.transaction_id, broker=half.broker, commit=commit)
            except TransportError:
                if tries > self._settings.retries:
                    raise
                await asyncio.sleep(wait_s(tries))
            else:
                return

    async def send_now(self, encoded: Encoded, place: int = 0) -> Answer:
        """One message beside the queue, tried once; `place` is its place in what it belongs to."""
        try:
            session = await self.session(encoded.topic)
            stored = await session.send(encoded.part, group=encoded.group)
        except BrokerError as error:
            return Answer(place, 1, error, is_unknown(error))
        return Answer(place, 1, None, False, stored.offset, stored.broker, stored.transaction_id)

    def watch(self, topic: str) -> None:
        """Keep a session open, for the server to ask about the topic's transactions, although nothing is sent there."""
        if topic not in self._watched:
            self._watched.add(topic)
            self._start_sweeping()

    @property
    def watch_failures(self) -> Mapping[str, str]:
        """Why topics that are watched have no session just now."""
        return self._watch_failures

    def snapshot(self) -> list[LaneSnapshot]:
        return [lane.snapshot() for lane in self._lanes.values()]

    async def close(self, deadline: Deadline) -> None:
        self._closing = True
        if self._messages < self._settings.queue:
            self._empty.clear()
            try:
                async with asyncio.timeout(deadline.left(self._clock)):
                    await self._empty.wait()
            except TimeoutError:
                for lane in list(self._lanes.values()):
                    await lane.abandon()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])
        await self._sessions.close()

    def _new_lane(self, topic: str, kind: Kind) -> Lane:
        settings = self._settings
        queue: SendQueue = SingleQueue()
        if kind is Kind.FIFO:
            queue = GroupQueue()
        elif kind is Kind.NORMAL and settings.batch:
            queue = BatchQueue()
        batches = isinstance(queue, BatchQueue)
        bounds = Bounds(
            linger_min_s=settings.linger_ms.min / 1e3 if batches else 0.0,
            linger_max_s=settings.linger_ms.max / 1e3 if batches else 0.0,
            batch_bytes=settings.batch_bytes,
            in_flight=settings.in_flight,
        )
        lane = Lane(
            Address(topic, kind),
            open_session=lambda: self.session(topic),
            on_settled=self._settle,
            queue=queue,
            pace=Pace(bounds, first_in_flight=_FIRST_BATCHES if batches else _FIRST_SINGLES),
            rules=Rules(retries=settings.retries, give_up_s=settings.give_up_s, duplicates=settings.duplicates),
            clock=self._clock,
        )
        self._lanes[topic, kind] = lane
        self._start_sweeping()
        return lane

    def _settle(self, unit: Unit) -> None:
        count = messages_in(unit)
        size = sum([pending.bundle.size for pending in unit])
        self._messages += count
        self._size += size
        if self._on_settled is not None:
            self._on_settled(count, size)
        if self._messages == self._settings.queue:
            self._empty.set()
        if self._waiting and self._messages > 0:
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()

    async def _start_session(self, topic: str) -> PublishingSession:
        session = PublishingSession(instance=self._instance, topic=topic, clock=self._clock, on_orphan=self._on_orphan)
        try:
            body_bytes = await session.start()
        except BaseException:
            await session.stop()
            raise
        if body_bytes and self._on_limits is not None:
            self._on_limits(Limits(body_bytes=body_bytes))
        return session

    async def _open_watched(self, topic: str) -> None:
        try:
            await self.session(topic)
        except BrokerError as error:
            self._watch_failures[topic] = str(error)
        else:
            self._watch_failures.pop(topic, None)

    def _start_sweeping(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def _sweep(self) -> None:
        """Close what is idle. Who ends transactions stays, because the server may ask about them."""
        while True:
            for topic in list(self._watched):
                await self._open_watched(topic)
            await asyncio.sleep(_SWEEP_S)
            topics = {key[0] for key, lane in self._lanes.items() if not self._is_idle(lane)} | self._watched
            for topic in self._sessions.keys() - topics:
                await self._sessions.discard(topic)
            for key in [key for key, lane in self._lanes.items() if self._is_idle(lane)][
                : len(self._lanes) - MAX_LANES
            ]:
                del self._lanes[key]

    def _is_idle(self, lane: Lane) -> bool:
        stays = lane.address.kind is Kind.TRANSACTION and self._on_orphan is not None
        return lane.is_empty and self._clock.monotonic() - lane.used_at > IDLE_S and not stays


async def _stop(session: PublishingSession) -> None:
    await session.stop()
