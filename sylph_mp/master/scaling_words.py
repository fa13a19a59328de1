"""The sentences of the autoscaler: what was measured, against which limit, and what that means. Pure."""

from sylph_mp.config.schema import Range
from sylph_mp.control.quantities import duration, rate, seconds, setting, share, spaced
from sylph_mp.master.scaling_load import WINDOW_S, Load
from sylph_mp.master.scaling_need import Demand
from sylph_mp.master.scaling_room import Room
from sylph_mp.master.scaling_signals import Bounds, HostSignal

_FOR = f"for {spaced(setting(WINDOW_S))}"


def busy(what: str, ratio: float, limit: float) -> str:
    return f"{what} {_share(ratio)} busy {_FOR}, above {_share(limit)}"


def interpreter(ratio: float, limit: float) -> str:
    return f"consumers take {_share(ratio)} of a core each {_FOR}, above {_share(limit)}"


def wait(wait_s: float, limit_s: float) -> str:
    return f"wait p99 {spaced(duration(wait_s))} {_FOR}, above {spaced(duration(limit_s))}"


def rising(per_s: float, used_ratio: float) -> str:
    return f"backlog rising by {rate(per_s)}/s for 15 s, with consumers {_share(used_ratio)} busy"


def cure(demand: Demand, *, more_threads: bool) -> str:
    """What the handlers do, from which it follows what helps them."""
    if demand.calls > demand.waiting + demand.computing:
        return "async calls wait"
    if demand.computing > demand.waiting / 8:
        return "handlers compute"
    return "handlers wait" if more_threads else "handlers wait in as many threads as there may be"


def host(signal: HostSignal) -> str:
    return "host CPU unknown" if signal.cpu_ratio is None else f"host CPU {_share(signal.cpu_ratio)}"


def refused(wish: int, limit: Room) -> str:
    return f"wanted {wish}, but {limit.why}"


def enough(load: Load) -> str:
    """Busy, and yet nothing is to be added."""
    if load.pressure < 1.0 and load.age_s is not None:
        return f"what has piled up is worked off, now {spaced(seconds(load.age_s))} old"
    return "they bear what comes"


def calm(load: Load) -> str:
    return f"threads {_share(load.busy_ratio)} busy"


def idle(most: Demand, load: Load, patience_s: float) -> str:
    threads = min(1.0, (most.waiting + most.computing) / load.threads)
    computing = most.computing / load.consumers
    what = "threads" if threads >= computing else "a core each"
    return f"{what} {_share(max(threads, computing))} busy at most for {spaced(seconds(patience_s))}; one at a time"


def bounds(there: Bounds) -> str:
    return f"bounds are {between(there.processes)} consumers ({there.place})"


def between(both: Range) -> str:
    return f"{both.min} to {both.max}"


def _share(ratio: float) -> str:
    return spaced(share(ratio))
