"""A place in the fleet: its shared memory, which outlives its consumers, and what is remembered of them.

Owned by the fleet, on the master's loop thread.
"""

from collections import deque
from collections.abc import Callable, Mapping

from sylph_mp.config.schema import Config
from sylph_mp.control.observation import CrashLoop, MemoryMark, QuietMark
from sylph_mp.lifecycle import Deadline, SlotState
from sylph_mp.master import health, restarts
from sylph_mp.master.child import Child
from sylph_mp.master.exit_words import exit_in_words
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Counts, Entry, EntryState, Table
from sylph_mp.shm.vitals import read_pulse, read_vitals

NOTHING = Counts(queued=0, running=0, done=0, held=0)


class Slot:
    def __init__(self, number: int, *, config: Config, make: Callable[[int, Geometry], Segment], now: float) -> None:
        self.number = number
        self.config = config
        """What its next consumer is started with."""
        self.wanted = False
        """Whether it is to have a consumer."""
        self.stands_in_for: int | None = None
        """The slot whose shards its consumer runs while that one's is replaced."""
        self.child: Child | None = None
        self.segment: Segment | None = None
        self.quiet: QuietMark | None = None
        self.guarded: MemoryMark | None = None
        """The last time that its consumer was recycled for want of memory."""
        self.restarts = 0
        self.crashes = 0
        self.last_exit: str | None = None
        self.retry_at: float | None = None
        """When its next consumer may be started; None: at once."""
        self.loop: CrashLoop | None = None
        """Why it is given up; None while it is not."""
        self.hung = False
        self.released = False
        """A consumer was started only to settle and hand back what lies here."""
        self.spoiled = False
        """The segment is to be replaced."""
        self._recycling = False
        self._seen_empty = False
        """Nothing lies in the in-flight table, and without a consumer nothing comes."""
        self._started = 0
        self._make = make
        self._deaths: deque[float] = deque(maxlen=100)
        self._state: SlotState = "empty"
        self._since = now

    @property
    def gave_up(self) -> bool:
        return self.loop is not None

    def reserve(self) -> Segment:
        """The segment, made anew unless it fits the configuration. Raises ResourceError."""
        geometry = geometry_of(self.config)
        if self.segment is not None and (self.segment.geometry != geometry or self.spoiled):
            self.release()
        if self.segment is None:
            self.segment = self._make(self.number, geometry)
        return self.segment

    def release(self) -> None:
        """Give the shared memory back."""
        if self.segment is not None:
            self.segment.unlink()
            self.segment.close()
            self.segment = None
            self.spoiled = False

    def spoil(self, why: str) -> None:
        """The shared memory is of no more use: the consumer ends, the next gets another; what was held comes again."""
        self.spoiled = True
        if self.child is not None:
            self.child.kill(f"killed by the master: its outbox is damaged, {why}")

    def counts(self) -> Counts:
        """What lies in the in-flight table, whether its consumer lives or not."""
        return self.look()[0]

    def look(self) -> tuple[Counts, list[Entry]]:
        """The same, with the entries whose handlers run."""
        if self.segment is None or self._seen_empty:
            return NOTHING, []
        counts, running = Table(self.segment).look()
        self._seen_empty = self.child is None and counts == NOTHING
        return counts, running

    def earliest_leases(self) -> dict[str, float]:
        """When the first lease ends of what is held here of a topic, whether its consumer lives or not."""
        if self.segment is None or self._seen_empty:
            return {}
        topics = self.segment.geometry.topics
        return {topics[index]: ends_at for index, ends_at in Table(self.segment).earliest_leases().items()}

    @property
    def held(self) -> int:
        """Deliveries in the in-flight table: what a successor adopts."""
        return sum(self.counts())

    def clear(self) -> None:
        """Forget what the last consumer held: the broker delivers it again when its lease is over."""
        if self.segment is not None:
            Table(self.segment).clear()

    def is_due(self, now: float) -> bool:
        """Whether a consumer may be started here."""
        waits = self.retry_at is not None and now < self.retry_at
        return self.needed and self.child is None and not self.gave_up and not waits

    @property
    def needed(self) -> bool:
        """Whether it is to have a consumer, if only for a while."""
        return self.wanted or self.stands_in_for is not None

    @property
    def worker(self) -> Child | None:
        """Its consumer, if that is ready and takes work."""
        child = self.child
        return child if child is not None and child.takes_work and child.ready_at is not None else None

    def occupy(self, child: Child) -> None:
        self.child = child
        self._seen_empty = False
        self.restarts += self._started > 0
        self._started += 1
        self.retry_at = None

    def recycle(self, deadline: Deadline) -> None:
        """Let its consumer drain, for a successor to follow."""
        if self.child is not None:
            self._recycling = True
            self.child.stop(deadline)

    @property
    def recycling(self) -> bool:
        """Whether its consumer drains for a successor."""
        return self._recycling

    def vacate(self) -> Child:
        """Take out a consumer that has ended."""
        assert self.child is not None
        child, self.child = self.child, None
        self._recycling = self.hung = False
        self.last_exit = child.killed_for or exit_in_words(child.exit_code)
        return child

    def final_counters(self, pid: int) -> Mapping[str, Mapping[str, int]] | None:
        """What process `pid` counted until its end; None if it never came to count."""
        vitals = read_vitals(self.segment) if self.segment is not None else None
        return vitals.counters if vitals is not None and vitals.pid == pid else None

    def beat_at(self) -> float | None:
        """The last heartbeat of the consumer that is here now."""
        pulse = read_pulse(self.segment) if self.segment is not None else None
        return pulse.beat_s if pulse and self.child and pulse.pid == self.child.pid else None

    def calls(self) -> list[health.Call]:
        """The handler calls that go on here."""
        if self.segment is None or self.child is None:
            return []
        topics, limits = self.segment.geometry.topics, self.child.config.topics
        return [
            health.Call(entry.started_s, limits[topics[entry.topic]].time_limit_s)
            for entry in Table(self.segment).scan()
            if entry.state is EntryState.RUNNING and entry.started_s is not None
        ]

    def running_handlers(self) -> tuple[str, ...]:
        """The names of those that run here, the one that runs longest first."""
        if self.segment is None or self.child is None:
            return ()
        running = [entry for entry in Table(self.segment).scan() if entry.state is EntryState.RUNNING]
        running.sort(key=lambda entry: entry.started_s or entry.received_s)
        topics = self.segment.geometry.topics
        return tuple(dict.fromkeys(self.child.handler_of(topics[entry.topic]) for entry in running))

    def replace_stuck(self, now: float) -> restarts.Restart:
        """Its consumer was killed for a handler call that did not end.

        That counts as a crash, but not towards a crash loop: such deaths are a time limit apart, and what the handler
        waited for may be away for longer than five of them.
        """
        self.crashes += 1
        self.retry_at = now
        return restarts.Restart(at=now)

    def die(self, now: float, *, rules: restarts.Rules) -> restarts.Restart | restarts.GiveUp:
        """Its consumer ended without being asked, or could not be started."""
        self.crashes += 1
        self._deaths.append(now)
        decision = restarts.after_death(self._deaths, now, rules=rules)
        match decision:
            case restarts.Restart(at=at):
                self.retry_at = at
            case restarts.GiveUp(deaths=crashes):
                self.loop = CrashLoop(crashes=crashes, within_s=now - self._deaths[-crashes])
        return decision

    def forgive(self) -> None:
        """Try again, as if no consumer had died here."""
        self._deaths.clear()
        self.loop = None
        self.retry_at = None

    def state(self, now: float) -> tuple[SlotState, float]:
        """Its STATE word, and since when."""
        state = self._state_of(self.child) if self.child is not None else self._state_without_consumer(now)
        if state != self._state:
            self._state, self._since = state, now
        return self._state, self._since

    def _state_of(self, child: Child) -> SlotState:
        if child.deadline is not None:
            return "recycling" if self._recycling else "draining"
        if child.ready_at is None:
            return "starting"
        if self.hung:
            return "hung"
        return "quiet" if self.quiet else "running"

    def _state_without_consumer(self, now: float) -> SlotState:
        if not self.needed:
            return "empty"
        if self.gave_up:
            return "gave-up"
        return "starting" if self.is_due(now) else "waiting"


def geometry_of(config: Config) -> Geometry:
    """The layout of a slot's segment under this configuration."""
    consumers = config.consumers
    return Geometry(
        topics=tuple(config.topics),
        entries=consumers.in_flight,
        threads=consumers.threads.max,
        arena_bytes=consumers.buffer,
        outbox_bytes=consumers.outbox,
    )
