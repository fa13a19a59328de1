"""Decides how many consumers are wanted and how many threads each is to have, once a second, with a sentence why.

Pure: signals and the time go in, a decision comes out; what it remembers is of fixed size. Grows at once to what the
measured load needs, shrinks one at a time when the largest load of minutes would fit on fewer. In between it holds.
"""

from typing import Literal

from msgspec import Struct

from sylph_mp.master import scaling_words as words
from sylph_mp.master.scaling_backlog import BacklogMeter
from sylph_mp.master.scaling_load import Load, LoadMeter
from sylph_mp.master.scaling_need import INTERPRETER, Demand, consumers_for, threads_for
from sylph_mp.master.scaling_peaks import Peaks
from sylph_mp.master.scaling_room import room
from sylph_mp.master.scaling_signals import Bounds, FleetSignal

#: Share of threads, interpreter or async calls in use from which on more is wanted.
GROW_FROM = 0.80
#: The share it is made to fit when it grows, and must fit with one fewer to shrink: apart, so that it comes to rest.
GROW_TO = 0.75
SHRINK_TO = 0.65
#: A wait that is too long, if so many threads are busy, more comes than is done, and it is not one receive's own. Else
#: what waits was fetched ahead, and is worked off without help, or waits for its order.
WAIT_S = 0.5
WAIT_BUSY = 0.66
WAIT_PRESSURE = 1.05
#: A backlog that rises counts from there on as well: where less is in use it is something else that holds the messages
#: up, such as a rate, their order or the broker, and no process would help.
RISING_BUSY = WAIT_BUSY
#: No wait between shrinking and shrinking gets longer, however often it was regretted.
MOST_PATIENCE_S = 3600.0


class Pace(Struct, frozen=True, kw_only=True):
    """How fast it acts; tests are in more of a hurry."""

    look_s: float = 1.0
    grow_after_s: float = 1.0
    """For so long must the threads be too busy, as means of 3 s."""
    settle_s: float = 4.0
    """After a change consumers fill their buffers, which looks like more load than there is."""
    shrink_after_s: float = 300.0
    """All this time must fit on fewer; twice as long each time that a shrink was taken back soon."""
    shrink_every_s: float = 60.0


class Decision(Struct, frozen=True, kw_only=True):
    action: Literal["hold", "grow", "shrink", "refuse"]
    consumers: int
    threads: int
    """Of each consumer."""
    wish: int
    """Consumers that the load needs, whatever the limits; `consumers` where nothing is pressing."""
    why: str
    limit: str = ""
    """What a refused wish came up against, in a word."""
    load: Load | None = None


class Autoscaler:
    def __init__(self, *, pace: Pace) -> None:
        self._pace = pace
        self._meter = LoadMeter()
        self._backlog = BacklogMeter()
        self._peaks = Peaks(pace.shrink_after_s)
        self._patience_s = pace.shrink_after_s
        self._pressing_since: float | None = None
        self._seen: tuple[object, ...] = ()
        self._settled_at = 0.0
        self._shrunk_at: float | None = None

    @property
    def patience_s(self) -> float:
        return self._patience_s

    def decide(self, signal: FleetSignal, bounds: Bounds) -> Decision:
        """To be asked once a look, with the newest reports."""
        self._note_change(signal)
        rising = self._backlog.measure(signal.backlogs, since=self._settled_at)
        load = self._meter.measure(signal.consumers, rising=rising)
        if load is None or signal.blocked is not None:
            self._pressing_since = None
            return self._within(signal, bounds, load, signal.blocked or "no consumer has told enough yet")
        self._peaks.add(Demand.of(load), signal.now)
        pressed = self._pressed(load, signal.now)
        if pressed is not None:
            return self._grow(signal, load, bounds, pressed)
        return self._shrink(signal, load, bounds) or self._within(signal, bounds, load, words.calm(load))

    def _within(self, signal: FleetSignal, bounds: Bounds, load: Load | None, why: str) -> Decision:
        """Hold, or come back into bounds that have changed."""
        consumers, threads = bounds.processes.within(signal.wanted), bounds.threads.within(signal.threads)
        action: Literal["hold", "grow", "shrink"] = "hold"
        if (consumers, threads) != (signal.wanted, signal.threads):
            action = "grow" if (consumers, threads) > (signal.wanted, signal.threads) else "shrink"
            why = words.bounds(bounds)
        return Decision(action=action, consumers=consumers, threads=threads, wish=consumers, why=why, load=load)

    def _note_change(self, signal: FleetSignal) -> None:
        """Nothing is judged while a change shows its effect."""
        seen = tuple(sorted((consumer.pid, consumer.threads) for consumer in signal.consumers))
        if seen != self._seen:
            self._settled_at = signal.now + (self._pace.settle_s if self._seen else 0.0)
            self._seen = seen

    def _pressed(self, load: Load, now: float) -> str | None:
        """What has been too much for long enough, in words."""
        cause = _cause(load)
        if cause is None:
            self._pressing_since = None
            return None
        if self._pressing_since is None:
            self._pressing_since = now
        long_enough = now - self._pressing_since >= self._pace.grow_after_s
        return cause if long_enough and now >= self._settled_at else None

    def _grow(self, signal: FleetSignal, load: Load, bounds: Bounds, pressed: str) -> Decision:
        demand = Demand.of(load).times(load.pressure)
        wish = max(signal.wanted, consumers_for(demand, target=GROW_TO, bounds=bounds) + signal.lost)
        limit = room(signal, load, bounds)
        consumers = min(wish, limit.consumers)
        threads = threads_for(demand, consumers=consumers - signal.lost, target=GROW_TO, bounds=bounds)
        threads = max(signal.threads, threads)
        why = f"{pressed}; {words.cure(demand, more_threads=threads > signal.threads)}"
        if (consumers, threads) != (signal.wanted, signal.threads):
            if consumers > signal.wanted:
                self._regret(signal.now)
            why = f"{why}; {words.host(signal.host) if consumers == wish else words.refused(wish, limit)}"
            return Decision(action="grow", consumers=consumers, threads=threads, wish=wish, why=why, load=load)
        if consumers < wish:
            why = f"{words.refused(wish, limit)}: {why}"
            return Decision(
                action="refuse",
                consumers=consumers,
                threads=threads,
                wish=wish,
                why=why,
                limit=limit.limit,
                load=load,
            )
        return self._within(signal, bounds, load, f"{pressed}; {words.enough(load)}")

    def _regret(self, now: float) -> None:
        """To grow soon after a shrink is to have shrunk too early: be slower the next time."""
        if self._shrunk_at is not None and now - self._shrunk_at < 2 * self._patience_s:
            self._be_patient(2 * self._patience_s)
        self._shrunk_at = None

    def _shrink(self, signal: FleetSignal, load: Load, bounds: Bounds) -> Decision | None:
        least = signal.wanted <= bounds.processes.min and signal.threads <= bounds.threads.min
        now, most = signal.now, None if least else self._peaks.most(signal.now)
        if self._shrunk_at is not None and now - self._shrunk_at > 2 * self._patience_s > 2 * self._pace.shrink_after_s:
            self._be_patient(self._patience_s / 2)
        resting = self._shrunk_at is not None and now - self._shrunk_at < self._pace.shrink_every_s
        if most is None or resting or now < self._settled_at or load.consumers + signal.lost < signal.wanted:
            return None
        consumers, threads = signal.wanted, signal.threads
        if max(consumers_for(most, target=SHRINK_TO, bounds=bounds), bounds.processes.min) < consumers:
            consumers -= 1
        else:
            step = max(1, threads // 4)
            threads = max(threads_for(most, consumers=consumers, target=SHRINK_TO, bounds=bounds), threads - step)
        if (consumers, threads) >= (signal.wanted, signal.threads):
            return None
        self._shrunk_at = now
        why = words.idle(most, load, self._patience_s)
        return Decision(action="shrink", consumers=consumers, threads=threads, wish=consumers, why=why, load=load)

    def _be_patient(self, seconds: float) -> None:
        self._patience_s = min(MOST_PATIENCE_S, max(self._pace.shrink_after_s, seconds))
        self._peaks = Peaks(self._patience_s)


def _cause(load: Load) -> str | None:
    """The first signal beyond its limit."""
    if load.busy_ratio >= GROW_FROM:
        return words.busy("threads", load.busy_ratio, GROW_FROM)
    if load.calls_ratio >= GROW_FROM:
        return words.busy("async calls", load.calls_ratio, GROW_FROM)
    if GROW_FROM <= load.cpu_each <= INTERPRETER:
        return words.interpreter(load.cpu_each, GROW_FROM)
    if load.wait_p99_s is not None and waits_too_long(load):
        return words.wait(load.wait_p99_s, WAIT_S)
    if rises(load):
        return words.rising(load.rising_per_s, _used(load))
    return None


def rises(load: Load) -> bool:
    """Whether more and more waits in the brokers, and who could do it is busy."""
    return load.rising_per_s > 0 and _used(load) >= RISING_BUSY and load.pressure > WAIT_PRESSURE


def _used(load: Load) -> float:
    """Share of what is used most: threads, async calls, or the interpreter if that is a limit."""
    return max(load.busy_ratio, load.calls_ratio, min(1.0, load.cpu_each) if load.cpu_each <= INTERPRETER else 0.0)


def waits_too_long(load: Load) -> bool:
    """Whether it counts, as WAIT_S says."""
    wait_s = load.wait_p99_s or 0.0
    too_long = wait_s >= WAIT_S and wait_s > load.receive_s
    return too_long and load.busy_ratio >= WAIT_BUSY and load.pressure > WAIT_PRESSURE
