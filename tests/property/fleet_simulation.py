"""A fleet under load in simulated time: consumers that fetch, queue and handle, and the autoscaler that steers them.

Fluid, in steps of half a second, each with noise on top; a consumer behaves as measured ones do: it fetches ahead for
two seconds of work, its threads take turns at one interpreter, all consumers share the host's cores, a new one takes
a while to boot, and what it does is reported once a second.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sylph_mp.config.schema import Range
from sylph_mp.histogram import bucket_of
from sylph_mp.master.autoscaler import Autoscaler, Decision, Pace
from sylph_mp.master.scaling_signals import BacklogSignal, Bounds, ConsumerSignal, FleetSignal, HostSignal, TopicSignal

STEP_S = 0.5
PREFETCH_S = 2.0
#: Between two counts of what waits in the broker.
COUNT_S = 5.0
MIB = 1 << 20

Rate = Callable[[float], float]
"""Messages per second that come at a time."""


@dataclass(frozen=True)
class Handler:
    wait_s: float
    """What a call waits for something outside."""
    cpu_s: float

    def rate(self, threads: int) -> float:
        """The most messages a second that one process does."""
        return min(threads / (self.wait_s + self.cpu_s), 1.0 / self.cpu_s if self.cpu_s else float("inf"))

    def busy(self, rate: float, threads: int) -> float:
        """Threads in calls at that rate."""
        used = min(rate * self.cpu_s, 0.99)
        return min(threads, rate * self.wait_s + used / (1.0 - used))


@dataclass
class Stretch:
    """What came evenly between two times and waits in the broker."""

    began: float
    ended: float
    amount: float

    def take(self, most: float) -> tuple[float, float]:
        """Off its old end: how much, and when it was stored, on average."""
        taken = min(most, self.amount)
        began, share = self.began, taken / self.amount
        self.began += share * (self.ended - began)
        self.amount -= taken
        return taken, (began + self.began) / 2


@dataclass
class Consumer:
    pid: int
    ready_at: float
    report_at: float
    queued: float = 0.0
    rate: float = 0.0
    received: float = 0.0
    started: float = 0.0
    busy_s: float = 0.0
    cpu_s: float = 0.0
    run_s: float = 0.0
    ages: list[tuple[float, float]] = field(default_factory=list)
    wait_s: float = 0.0
    report: ConsumerSignal | None = None


@dataclass(frozen=True)
class Moment:
    """A look of the autoscaler."""

    at: float
    decision: Decision
    wanted: int
    threads: int
    running: int
    backlog: float


@dataclass
class Simulation:
    handler: Handler
    bounds: Bounds
    pace: Pace
    seed: int
    cores: float = 64.0
    noise: float = 0.1
    """Standard deviation of what comes in a step, as a share of it."""
    boot_s: float = 0.5
    memory_slots: int = 1000
    """How many consumers the host's memory holds."""
    shards: int = 1000
    metrics: bool = False
    """Whether the broker tells what waits in it."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.autoscaler = Autoscaler(pace=self.pace)
        self.now = 1000.0
        self.wanted = self.bounds.processes.min
        self.threads = self.bounds.threads.min
        self.consumers: list[Consumer] = []
        self.backlog: deque[Stretch] = deque()
        """The oldest first."""
        self.next_pid = 1
        self.cpu_used = 0.0
        self.moments: list[Moment] = []
        self.counts: tuple[BacklogSignal, ...] = ()

    def run(self, seconds: float, rate: Rate) -> list[Moment]:
        """Go on for so long; `rate` is asked for the time since this call."""
        began, first = self.now, len(self.moments)
        for _ in range(int(seconds)):
            self._keep_wanted()
            for _ in range(round(1 / STEP_S)):
                self.now += STEP_S
                self._step(rate(self.now - began))
            self._look()
        return self.moments[first:]

    def run_until_drained(self, most_s: float, rate: Rate) -> list[Moment]:
        """Go on until the broker holds no more than a moment's worth, at most so long."""
        first = len(self.moments)
        while len(self.moments) - first < most_s and self._waiting() > rate(0.0):
            self.run(10, rate)
        return self.moments[first:]

    def _waiting(self) -> float:
        """In the broker."""
        return sum(stretch.amount for stretch in self.backlog)

    def _keep_wanted(self) -> None:
        while len(self.consumers) < self.wanted:
            ready_at = self.now + self.boot_s
            self.consumers.append(Consumer(self.next_pid, ready_at, ready_at + self.random.random()))
            self.next_pid += 1
        for gone in self.consumers[self.wanted :]:
            if gone.queued:
                self.backlog.appendleft(Stretch(self.now, self.now, gone.queued))
        del self.consumers[self.wanted :]

    def _step(self, rate: float) -> None:
        comes = rate * STEP_S * max(0.0, self.random.gauss(1.0, self.noise))
        if comes:
            self.backlog.append(Stretch(self.now - STEP_S, self.now, comes))
        ready = [consumer for consumer in self.consumers if consumer.ready_at <= self.now]
        most = self.handler.rate(self.threads)
        if ready and self.handler.cpu_s:
            most = min(most, self.cores / len(ready) / self.handler.cpu_s)
        for consumer in self.random.sample(ready, len(ready)):
            self._fetch(consumer, most, len(ready))
        for consumer in ready:
            self._handle(consumer, most)
        self.cpu_used = sum(consumer.rate for consumer in ready) * self.handler.cpu_s

    def _fetch(self, consumer: Consumer, most: float, sharers: int) -> None:
        room = most * PREFETCH_S + self.threads - consumer.queued
        share = self._waiting() / sharers if len(self.backlog) <= 4 else float("inf")
        room = min(room, share + 1e-9)
        while room > 1e-9 and self.backlog:
            taken, stored_at = self.backlog[0].take(room)
            consumer.ages.append((self.now - stored_at, taken))
            consumer.received += taken
            consumer.queued += taken
            room -= taken
            if self.backlog[0].amount <= 1e-9:
                self.backlog.popleft()

    def _handle(self, consumer: Consumer, most: float) -> None:
        done = min(consumer.queued, most * STEP_S)
        full = done >= most * STEP_S * 0.999
        rate = done / STEP_S
        busy = self.threads if full else self.handler.busy(rate, self.threads)
        consumer.rate = rate
        consumer.queued -= done
        consumer.started += done
        consumer.busy_s += busy * STEP_S
        consumer.run_s += busy * STEP_S
        consumer.cpu_s += done * self.handler.cpu_s
        consumer.wait_s = consumer.queued / most
        if self.now >= consumer.report_at:
            consumer.report_at += 1.0
            consumer.report = self._report(consumer)
            consumer.ages = []

    def _report(self, consumer: Consumer) -> ConsumerSignal:
        weight = sum(amount for _, amount in consumer.ages)
        topic = TopicSignal(
            topic="orders",
            received=int(consumer.received),
            started=int(consumer.started),
            run_s=consumer.run_s,
            age_s=sum(age * amount for age, amount in consumer.ages) / weight if weight else None,
            wait={bucket_of(int(consumer.wait_s * 1e6)): 1},
        )
        return ConsumerSignal(
            pid=consumer.pid,
            at=self.now,
            threads=self.threads,
            busy_s=consumer.busy_s,
            calls=0,
            calls_s=0.0,
            cpu_s=consumer.cpu_s,
            rss_bytes=100 * MIB,
            topics=(topic,),
        )

    def _look(self) -> None:
        if self.metrics and (not self.counts or self.now - self.counts[0].at >= COUNT_S):
            self.counts = (BacklogSignal("orders", self.now, round(self._waiting())),)
        told = tuple(consumer.report for consumer in self.consumers if consumer.report is not None)
        memory = self.memory_slots * 125 * MIB
        host = HostSignal(
            cores=self.cores,
            cpu_ratio=min(1.0, self.cpu_used / self.cores),
            memory_bytes=memory,
            memory_free_bytes=memory - len(self.consumers) * 100 * MIB,
        )
        signal = FleetSignal(
            now=self.now,
            consumers=told,
            wanted=self.wanted,
            threads=self.threads,
            lost=0,
            shards=self.shards,
            shm_slots=1000,
            host=host,
            backlogs=self.counts,
            blocked=None,
        )
        decision = self.autoscaler.decide(signal, self.bounds)
        self.wanted, self.threads = decision.consumers, decision.threads
        running = sum(consumer.ready_at <= self.now for consumer in self.consumers)
        self.moments.append(Moment(self.now, decision, self.wanted, self.threads, running, self._waiting()))


def bounds(processes: tuple[int, int], threads: tuple[int, int] = (8, 8)) -> Bounds:
    return Bounds(
        processes=Range(*processes), threads=Range(*threads), place="config.toml:9", threads_place="config.toml:10"
    )
