"""Makes of the autoscaler's state what is shown of it: sentences, figures with their limits, the last changes. Pure."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from msgspec import Struct

from sylph_mp.config.schema import Range
from sylph_mp.control.autoscale_status import AutoscaleStatus, ScalingStatus, SignalStatus
from sylph_mp.control.quantities import roughly, share, spaced
from sylph_mp.control.timestamps import clock_time, rfc3339
from sylph_mp.master import scaling_words as words
from sylph_mp.master.autoscaler import GROW_FROM, SHRINK_TO, WAIT_S, Decision, rises, waits_too_long
from sylph_mp.master.scaling_history import Line
from sylph_mp.master.scaling_load import Load
from sylph_mp.master.scaling_need import INTERPRETER
from sylph_mp.master.scaling_room import HOST_CPU
from sylph_mp.master.scaling_signals import Bounds, HostSignal


class Hold(Struct, frozen=True, kw_only=True):
    """Somebody said how many there are to be."""

    consumers: int
    by: str
    since_wall: float


class View(Struct, frozen=True, kw_only=True):
    running: int
    wanted: int
    threads: int
    bounds: Bounds
    hold: Hold | None
    decision: Decision | None
    """The newest; None before the first look."""
    host: HostSignal | None
    backlog: int | None
    """Messages that wait in the brokers; None where they do not tell."""
    lines: tuple[Line, ...]
    since_s: float
    """How long it has been as it is."""
    changed: bool
    """Whether that was a change, not the master's start."""
    next_look_s: float
    wall: float
    stopping: bool = False
    """Consumers end, and nothing is decided any more."""


def show(view: View, *, zone: tzinfo | None = None) -> AutoscaleStatus:
    """`zone` is for clock times in sentences; None: the host's."""
    bounds, hold = view.bounds, view.hold
    return AutoscaleStatus(
        mode=_mode(view),
        running=view.running,
        wanted=view.wanted,
        threads=view.threads,
        processes_min=bounds.processes.min,
        processes_max=bounds.processes.max,
        threads_min=bounds.threads.min,
        threads_max=bounds.threads.max,
        sentence=f"{_stopping(view)}." if view.stopping else _sentence(view, zone),
        headline=_stopping(view) if view.stopping else _headline(view, zone),
        bounds=_bounds(bounds),
        wish=_wish(view),
        held_by=hold.by if hold else None,
        held_since=rfc3339(hold.since_wall) if hold else None,
        changed_s=view.since_s if view.changed else None,
        next_look_s=view.next_look_s,
        signals=tuple(_signals(view)),
        history=tuple(_line(line) for line in reversed(view.lines)),
    )


def _mode(view: View) -> str:
    if view.hold is not None:
        return "held"
    return "fixed" if view.bounds.fixed else "automatic"


def _sentence(view: View, zone: tzinfo | None) -> str:
    if view.hold is not None:
        wish = f"; it would: {_wish(view)}" if _wish(view) else ""
        return f"{_consumers(view.wanted)}, {_held(view.hold, view, zone)} until sylph autoscale release{wish}."
    if view.bounds.fixed:
        return f"{_fixed(view)}."
    size = f"{_consumers(view.wanted)} ({_between(view.bounds.processes)})"
    if view.bounds.threads.min < view.bounds.threads.max:
        size += f" of {view.threads} threads ({_between(view.bounds.threads)})"
    decision = view.decision
    if decision is None or decision.load is None:
        return f"{size}, holding{': ' + decision.why if decision else ''}."
    if decision.action == "refuse":
        return f"{size}, {decision.why}."
    return f"{size}, holding for {roughly(view.since_s)}: {decision.why}{_thresholds(view, decision)}."


def _thresholds(view: View, decision: Decision) -> str:
    """Where it holds for what the threads do: what they would have to do for a change."""
    load, below = decision.load, _shrink_below(view)
    if load is None or decision.action != "hold" or not _is_calm(decision):
        return ""
    if load.busy_ratio >= GROW_FROM:
        return f", above {_share(GROW_FROM)}, not yet for long enough"
    if below is None:
        return f", below {_share(GROW_FROM)}"
    if load.busy_ratio < below:
        return f", below {_share(below)}, not yet for long enough"
    return f", between {_share(below)} and {_share(GROW_FROM)}"


def _is_calm(decision: Decision) -> bool:
    """Whether its reason is what the threads do, and not, for one, a broker that is away."""
    return decision.load is not None and decision.why == words.calm(decision.load)


def _headline(view: View, zone: tzinfo | None) -> str:
    if view.hold is not None:
        return f"{_consumers(view.running)}, {view.wanted} wanted: {_held(view.hold, view, zone)}"
    if view.bounds.fixed:
        return _fixed(view)
    start = f"{_consumers(view.running)}, {view.wanted} wanted"
    if view.decision is None or view.decision.load is None:
        return f"{start}: holding{', ' + view.decision.why if view.decision else ''}"
    if view.decision.action == "refuse":
        return f"{start}: {view.decision.why}"
    if view.decision.action == "hold" and not _is_calm(view.decision):
        return f"{start}: holding, {view.decision.why}"
    below = _shrink_below(view)
    shrink = f", shrink at {below * 100:.0f}" if below is not None else ""
    busy = _share(view.decision.load.busy_ratio)
    return f"{start}: holding, threads are {busy} busy (grow at {GROW_FROM * 100:.0f}{shrink})"


def _held(hold: Hold, view: View, zone: tzinfo | None) -> str:
    since = clock_time(datetime.fromtimestamp(hold.since_wall, zone), datetime.fromtimestamp(view.wall, zone))
    return f"held by {hold.by} since {since}"


def _stopping(view: View) -> str:
    return f"the fleet is stopping, {_consumers(view.running)} still {'runs' if view.running == 1 else 'run'}"


def _fixed(view: View) -> str:
    processes = view.bounds.processes
    return f"{_consumers(view.wanted)}, fixed (min = max = {processes.max}, {view.bounds.place})"


def _wish(view: View) -> str | None:
    decision = view.decision
    if (
        view.stopping
        or view.hold is None
        or decision is None
        or (decision.consumers, decision.threads) == (view.wanted, view.threads)
    ):
        return None
    change = f"{view.wanted} to {decision.consumers} consumers"
    if decision.consumers == view.wanted:
        change = f"{view.threads} to {decision.threads} threads each"
    return f"{change}: {decision.why}"


def _bounds(bounds: Bounds) -> str:
    if bounds.threads.min == bounds.threads.max:
        return f"bounds {_between(bounds.processes)}, {bounds.place}"
    threads = f"threads {_between(bounds.threads)} each, {bounds.threads_place}"
    if bounds.processes.min == bounds.processes.max:
        return f"{bounds.processes.max} consumers fixed, {bounds.place}; {threads}"
    return f"bounds {_between(bounds.processes)}, {bounds.place}; {threads}"


def _shrink_below(view: View) -> float | None:
    """The share of threads at which one consumer fewer would do; None where there can be none fewer."""
    if view.wanted <= view.bounds.processes.min:
        return None
    return SHRINK_TO * (view.wanted - 1) / view.wanted


def _signals(view: View) -> Iterator[SignalStatus]:
    load = view.decision.load if view.decision else None
    below = _shrink_below(view)
    busy = load.busy_ratio if load else None
    yield _ratio("threads busy", busy, below)
    if load is not None and load.cpu_each <= INTERPRETER:
        yield _ratio("interpreter", load.cpu_each, below)
    if load is not None and load.calls:
        yield _ratio("async calls", load.calls_ratio, below)
    yield _wait(load)
    yield _age(load)
    if view.backlog is not None:
        yield _backlog(view.backlog, load)
    if view.host is not None:
        yield from _host(view.host, load)


def _ratio(name: str, value: float | None, below: float | None) -> SignalStatus:
    says = "-" if value is None else "grow" if value >= GROW_FROM else "hold"
    if value is not None and below is not None and value < below:
        says = "may shrink"
    return SignalStatus(signal=name, unit="ratio", value=value, grow_from=GROW_FROM, shrink_below=below, says=says)


def _wait(load: Load | None) -> SignalStatus:
    value = load.wait_p99_s if load else None
    says = "hold"
    if load is not None and value is not None and value >= WAIT_S:
        says = "grow" if waits_too_long(load) else "hold: fetched ahead"
    return SignalStatus(signal="wait p99", unit="s", value=value, grow_from=WAIT_S, says=says)


def _age(load: Load | None) -> SignalStatus:
    says = "rising" if load and load.pressure > 1.05 else "hold"
    return SignalStatus(signal="age at receipt", unit="s", value=load.age_s if load else None, says=says)


def _backlog(messages: int, load: Load | None) -> SignalStatus:
    says = "hold"
    if load is not None and load.rising_per_s > 0:
        says = "grow" if rises(load) else "hold: consumers are not busy"
    return SignalStatus(signal="backlog", unit="messages", value=messages, says=says)


def _host(host: HostSignal, load: Load | None) -> Iterator[SignalStatus]:
    full = host.cpu_ratio is not None and host.cpu_ratio >= HOST_CPU
    says = "full" if full else "may grow"
    yield SignalStatus(signal="host CPU", unit="ratio", value=host.cpu_ratio, limit=HOST_CPU, says=says)
    if load is not None:
        free, each = host.memory_free_bytes, load.rss_bytes
        says = "may grow" if free > each else "full"
        yield SignalStatus(signal="free memory", unit="bytes", value=free, says=says)


def _line(line: Line) -> ScalingStatus:
    return ScalingStatus(
        at=rfc3339(line.wall),
        consumers_before=line.before.consumers,
        consumers_after=line.after.consumers,
        threads_before=line.before.threads,
        threads_after=line.after.threads,
        refused=line.refused,
        why=line.why,
    )


def _consumers(number: int) -> str:
    return f"{number} consumer{'s' if number != 1 else ''}"


def _between(both: Range) -> str:
    return f"{both.min} to {both.max}"


def _share(ratio: float) -> str:
    return spaced(share(ratio))
