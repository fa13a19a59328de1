"""Which fault comes when: drawn from a seed, without an end. Pure; whoever carries it out decides how long it goes on.

Faults are dealt from a shuffled deck, so that a short run has one of each kind too.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

Kind = Literal["kill", "stop", "kill-master", "kill-proxy", "scale"]

#: How many of each kind, and how long what it does lasts.
DECK: tuple[tuple[int, Kind, tuple[float, float]], ...] = (
    (5, "kill", (0, 0)),
    (2, "stop", (1, 4)),
    (1, "stop", (8, 12)),
    (1, "stop", (20, 24)),
    (2, "scale", (0, 0)),
    (1, "kill-master", (0, 3)),
    (1, "kill-proxy", (0, 4)),
)
GAP_S = (2.0, 6.0)
#: A slot's fifth death within a minute gives it up.
WINDOW_S = 60.0
MOST_DEATHS = 3
#: A consumer that stands still for longer is killed by the master.
HUNG_S = 15.0


class Fault(NamedTuple):
    after_s: float
    """Since the one before."""
    kind: Kind
    slot: int = 0
    lasts_s: float = 0.0
    """Until the stopped process is continued, the next master or proxy started."""
    wanted: int = 0
    """Consumers to scale to."""


def faults(seed: int, *, least: int, most: int) -> Iterator[Fault]:
    """For a fleet of `least` to `most` consumers that starts with `least`."""
    source = random.Random(seed)
    now, wanted = 0.0, least
    deaths: list[tuple[float, int]] = []
    while True:
        deck = [(kind, lasts) for times, kind, lasts in DECK for _ in range(times)]
        source.shuffle(deck)
        for kind, lasts in deck:
            fault = Fault(source.uniform(*GAP_S), kind, lasts_s=source.uniform(*lasts))
            now += fault.after_s
            if kind in ("kill", "stop"):
                slots = _spared(deaths, now, range(1, wanted + 1))
                # With nobody to spare, the next faults need more to choose from.
                fault = fault._replace(slot=source.choice(slots)) if slots else Fault(fault.after_s, "scale")
            if fault.kind == "scale":
                wanted = source.choice([number for number in range(least, most + 1) if number != wanted])
                fault = fault._replace(wanted=wanted)
            if is_deadly(fault):
                deaths.append((now + fault.lasts_s, fault.slot))
            yield fault


def is_deadly(fault: Fault) -> bool:
    return fault.kind == "kill" or (fault.kind == "stop" and fault.lasts_s > HUNG_S)


def _spared(deaths: Sequence[tuple[float, int]], now: float, slots: Sequence[int]) -> Sequence[int]:
    """Those that may die once more."""
    recent = [slot for at, slot in deaths if now - at < WINDOW_S]
    return [slot for slot in slots if recent.count(slot) < MOST_DEATHS]
