"""Decides how many consumers and threads a load needs, and which of the two cures it is. Pure.

Handlers that wait need threads: what waits in one thread does not hold up another. Handlers that compute need
processes: the threads of one take turns at its interpreter, and each looks busy while it waits for its turn. Of N
threads that keep a share u of an interpreter in use, so many are at it or wait for it (Schweitzer's approximation of a
closed queue: 1 of 1 at u = 1, all N of N at u = 1, u / (1 - u) of very many):

    at the interpreter = u / (1 - u * (N - 1) / N)          busy = at the interpreter + waiting for something outside
"""

from collections.abc import Sequence
from math import ceil

from msgspec import Struct

from sylph_mp.master.scaling_load import Load
from sylph_mp.master.scaling_signals import Bounds

#: A consumer that takes more of a core than this computes outside the interpreter: then that is not the limit.
INTERPRETER = 1.1
#: How many threads there will be is what is asked: as if there were many, and the interpreter not quite in use.
_MANY = 1e9
_FULL = 0.95


class Demand(Struct, frozen=True, kw_only=True):
    """What the fleet has to bear, all consumers together."""

    waiting: float
    """Threads in calls that wait for something outside."""
    computing: float
    """Interpreters' worth of computing."""
    calls: float
    """Async calls at once."""
    calls_each: int
    """How many of them one consumer may have."""

    @classmethod
    def of(cls, load: Load) -> "Demand":
        """What is borne now, whatever else comes."""
        used = min(1.0, load.cpu_each) if load.cpu_each <= INTERPRETER else 0.0
        at_interpreter = load.consumers * _at_interpreter(used, load.threads / load.consumers)
        return cls(
            waiting=max(0.0, load.busy - at_interpreter),
            computing=load.consumers * used,
            calls=load.calls_busy,
            calls_each=load.calls // load.consumers,
        )

    def times(self, factor: float) -> "Demand":
        return Demand(
            waiting=self.waiting * factor,
            computing=self.computing * factor,
            calls=self.calls * factor,
            calls_each=self.calls_each,
        )

    @classmethod
    def largest(cls, demands: Sequence["Demand"]) -> "Demand":
        """The largest of each, of one or more."""
        return cls(
            waiting=max([demand.waiting for demand in demands]),
            computing=max([demand.computing for demand in demands]),
            calls=max([demand.calls for demand in demands]),
            calls_each=max([demand.calls_each for demand in demands]),
        )


def consumers_for(demand: Demand, *, target: float, bounds: Bounds) -> int:
    """As few as bear it with threads, interpreters and calls busy to the share `target`: threads come first."""
    fewest = max(1, ceil(demand.computing / target))
    if demand.calls_each:
        fewest = max(fewest, ceil(demand.calls / (target * demand.calls_each)))
    return max(fewest, ceil((demand.waiting + demand.computing) / (target * bounds.threads.max)))


def threads_for(demand: Demand, *, consumers: int, target: float, bounds: Bounds) -> int:
    """How many each of so many consumers needs, within the bounds."""
    each = ceil(_threads_busy(demand, max(1, consumers)) / target)
    return bounds.threads.within(each)


def _threads_busy(demand: Demand, consumers: int) -> float:
    """In each of them."""
    return demand.waiting / consumers + _at_interpreter(min(demand.computing / consumers, _FULL), _MANY)


def _at_interpreter(used: float, threads: float) -> float:
    return used / (1.0 - used * (threads - 1.0) / threads)
