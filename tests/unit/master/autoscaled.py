"""Signals with all that a test does not care about filled in, and consumers that do the same each second."""

from collections.abc import Mapping
from typing import Any

from sylph_mp.config.schema import Range
from sylph_mp.master.autoscaler import Autoscaler, Decision
from sylph_mp.master.scaling_load import Load
from sylph_mp.master.scaling_signals import Bounds, ConsumerSignal, FleetSignal, HostSignal, TopicSignal

MIB = 1 << 20


def bounds(processes: tuple[int, int] = (1, 8), threads: tuple[int, int] = (8, 8)) -> Bounds:
    return Bounds(
        processes=Range(*processes), threads=Range(*threads), place="config.toml:9", threads_place="config.toml:10"
    )


def host(**changed: Any) -> HostSignal:
    known = {"cores": 16.0, "cpu_ratio": 0.41, "memory_bytes": 8192 * MIB, "memory_free_bytes": 4096 * MIB}
    return HostSignal(**known | changed)


def load(**changed: Any) -> Load:
    """One consumer of 8 threads at rest."""
    known: dict[str, Any] = {
        "consumers": 1,
        "threads": 8,
        "busy": 0.0,
        "calls": 0,
        "calls_busy": 0.0,
        "cpu": 0.0,
        "wait_p99_s": None,
        "age_s": None,
        "receive_s": 0.0,
        "pressure": 1.0,
        "rising_per_s": 0.0,
        "rss_bytes": 100 * MIB,
    }
    return Load(**known | changed)


def consumer(pid: int, at: float, **changed: Any) -> ConsumerSignal:
    known: dict[str, Any] = {
        "threads": 8,
        "busy_s": 0.0,
        "calls": 0,
        "calls_s": 0.0,
        "cpu_s": 0.0,
        "rss_bytes": 100 * MIB,
        "topics": (),
    }
    return ConsumerSignal(pid=pid, at=at, **known | changed)


def fleet(now: float, *consumers: ConsumerSignal, **changed: Any) -> FleetSignal:
    known: dict[str, Any] = {
        "wanted": max(1, len(consumers)),
        "threads": 8,
        "lost": 0,
        "shards": 64,
        "shm_slots": 64,
        "host": host(),
        "backlogs": (),
        "blocked": None,
    }
    return FleetSignal(now=now, consumers=consumers, **known | changed)


class Steady:
    """A fleet under a load that does not change: what each consumer does in a second."""

    def __init__(self, autoscaler: Autoscaler, there: Bounds, *, consumers: int = 1, threads: int = 8) -> None:
        self.autoscaler = autoscaler
        self.bounds = there
        self.wanted, self.threads = consumers, threads
        self.now = 100.0
        self.totals: dict[str, float] = {}

    def go_on(self, seconds: int, *, fleet_has: Mapping[str, Any] | None = None, **each: float) -> list[Decision]:
        """The decisions of so many seconds, none carried out; `each` are per second: busy, cpu, done, comes, age…"""
        decisions = []
        for _ in range(seconds):
            self.now += 1.0
            for key, value in each.items():
                self.totals[key] = self.totals.get(key, 0.0) + value
            consumers = [self._consumer(number, each) for number in range(1, self.wanted + 1)]
            signal = fleet(self.now, *consumers, wanted=self.wanted, threads=self.threads, **(fleet_has or {}))
            decisions.append(self.autoscaler.decide(signal, self.bounds))
        return decisions

    def _consumer(self, number: int, each: Mapping[str, float]) -> ConsumerSignal:
        total = self.totals.get
        topic = TopicSignal(
            topic="orders",
            received=int(total("comes", 0)),
            started=int(total("done", 0)),
            run_s=total("busy", 0.0),
            age_s=total("ages", 0.0),
            wait={} if "wait_bucket" not in each else {int(each["wait_bucket"]): 10},
        )
        return consumer(
            number,
            self.now,
            threads=self.threads,
            busy_s=total("busy", 0.0),
            cpu_s=total("cpu", 0.0),
            calls=int(each.get("calls", 0)),
            calls_s=total("calls_busy", 0.0),
            topics=(topic,),
        )
