"""What holds for every load: bounds, reaction in time, no overshoot, no flapping, and the way back.

SYLPH_TEST_TRACES random traces, 10,000 of them by `make simulate`; the same number gives the same traces.
"""

import os
import random
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt

import pytest

from sylph_mp.master.autoscaler import GROW_TO, Pace
from sylph_mp.master.scaling_load import WINDOW_S
from tests.property.fleet_simulation import STEP_S, Handler, Moment, Simulation, bounds

TRACES = int(os.environ.get("SYLPH_TEST_TRACES", "100"))
PARTS = 20
PACE = Pace(shrink_after_s=40.0, shrink_every_s=5.0)
REPORT_S = 1.0
"""A consumer reports, and the autoscaler looks, once in that time."""
FIRST_LOOK_S = REPORT_S + WINDOW_S + PACE.grow_after_s
"""A report says it, a mean shows it, and it holds."""
NEXT_LOOK_S = REPORT_S + PACE.settle_s
"""A report shows the change, and its effect is awaited."""
REACTION_S = FIRST_LOOK_S + NEXT_LOOK_S + 2 * REPORT_S
"""Two looks, ten seconds, and after each the first report of what it added; that boots twice besides."""
FACTOR = 12
"""What two looks bear but for a twentieth: each sees four times the load, less a third that eight messages leave unsure
(1 / sqrt(8)), and makes that GROW_TO of what there will be."""
FOUND = (569, 4006, 4286, 4632, 5646, 7753, 9081)
"""Traces for which it took a third look once."""


@dataclass
class Trace:
    """A base load, a step up for a while, the base load again."""

    seed: int

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        self.handler = Handler(
            wait_s=chance.choice((0.0, 0.005, 0.05, 0.2, 1.0)), cpu_s=chance.choice((0.0002, 0.001, 0.005, 0.02))
        )
        self.processes = (chance.randint(1, 3), chance.choice((4, 8, 16)))
        self.threads = chance.choice(((8, 8), (1, 4), (4, 32), (8, 64)))
        self.cores = chance.choice((4.0, 64.0))
        self.noise = chance.uniform(0.0, 0.3)
        self.boot_s = chance.uniform(0.1, 1.5)
        self.memory_slots = chance.choice((6, 1000, 1000))
        self.base = self.capacity(self.processes[0], self.threads[0]) * chance.uniform(0.0, 0.7)
        self.top = self.capacity(self.processes[1], self.threads[1]) * chance.uniform(0.0, 1.3)
        self.metrics = chance.random() < 0.5

    def capacity(self, consumers: int, threads: int) -> float:
        """Messages a second."""
        return consumers * self.handler.rate(threads)

    def needed(self, rate: float) -> int:
        """Consumers that bear the rate at the share the autoscaler plans for, were it known."""
        most = self.handler.rate(self.threads[1])
        return max(self.processes[0], ceil(rate / (GROW_TO * most)))

    def can_be_borne(self, rate: float) -> bool:
        """Processes, memory and cores are enough for it."""
        enough = rate * self.handler.cpu_s <= 0.8 * self.cores
        return enough and self.needed(rate) <= min(self.processes[1], self.memory_slots)

    def simulation(self) -> Simulation:
        return Simulation(
            self.handler,
            bounds(self.processes, self.threads),
            PACE,
            self.seed,
            cores=self.cores,
            noise=self.noise,
            boot_s=self.boot_s,
            memory_slots=self.memory_slots,
            metrics=self.metrics,
        )


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.timeout(max(60, TRACES))
def test_random_traces(part: int) -> None:
    for seed in range(part, TRACES, PARTS):
        follow(Trace(seed))


@pytest.mark.parametrize("seed", FOUND)
def test_traces_that_were_found(seed: int) -> None:
    follow(Trace(seed))


def follow(trace: Trace) -> None:
    simulation = trace.simulation()
    before = simulation.run(120, lambda _: trace.base)
    during = simulation.run(90, lambda _: trace.top)
    working_off = simulation.run_until_drained(600, lambda _: trace.base)
    after = simulation.run(2 * PACE.shrink_after_s + 5 * (trace.processes[1] + 12), lambda _: trace.base)
    stays_within_bounds(trace, [*before, *during, *working_off, *after])
    does_not_flap(trace, before, during, [*working_off, *after])
    reacts_in_time(trace, before[-1], during)
    if after[0].backlog < 2 * trace.base + 1:
        comes_back(trace, after[-1])


def stays_within_bounds(trace: Trace, moments: list[Moment]) -> None:
    for before, after in pairwise(moments):
        assert trace.processes[0] <= after.wanted <= trace.processes[1], trace
        assert trace.threads[0] <= after.threads <= trace.threads[1], trace
        assert after.wanted <= max(trace.memory_slots, trace.processes[0]), trace
        assert after.wanted >= before.wanted - 1, trace
        assert (after.wanted, after.threads) == (before.wanted, before.threads) or after.decision.why, trace


def does_not_flap(trace: Trace, *phases: list[Moment]) -> None:
    """Under one load, whatever its noise, a consumer that was given up is hardly ever wanted again."""
    for phase in phases:
        changes = [moment.decision.action for moment in phase if moment.decision.action in {"grow", "shrink"}]
        regrets = sum(a == "shrink" and b == "grow" for a, b in pairwise(changes))
        assert regrets <= 1, (trace, [(m.at, m.decision.why) for m in phase if m.decision.action != "hold"])


def reacts_in_time(trace: Trace, before: Moment, during: list[Moment]) -> None:
    """With room for what is needed it is wanted in time, and at most one more than what noise makes look needed.

    In time is after two looks, each with the boot of what it added. It means that the load is borne but for the last
    twentieth, which cannot be told from noise so soon.
    """
    noisy = 1 + 2.5 * trace.noise / sqrt(WINDOW_S / STEP_S)
    most = max(moment.wanted for moment in during)
    assert most <= max(trace.needed(trace.top * noisy), trace.needed(trace.base * noisy), before.wanted) + 1, trace
    if not trace.can_be_borne(trace.top) or trace.top > FACTOR * trace.capacity(before.wanted, before.threads):
        return
    there = during[round(REACTION_S) + round(2 * trace.boot_s)]
    assert trace.capacity(there.wanted, there.threads) >= 0.95 * trace.top, (trace, there)


def comes_back(trace: Trace, last: Moment) -> None:
    assert last.wanted <= trace.needed(trace.base) + 2, (trace, last)
