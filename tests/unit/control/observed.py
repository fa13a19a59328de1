"""Observations and reports with every value that a test does not care about filled in."""

from typing import Any

from sylph_mp.control.observation import (
    Observation,
    ProducerObservation,
    Running,
    SlotObservation,
    TopicObservation,
)
from sylph_mp.pipe import ErrorCount, InstanceReport, Report, Shard, TopicReport
from sylph_mp.producer.tally import LaneSnapshot

#: CLOCK_MONOTONIC and wall time of the moment of looking, and of the master's start.
NOW = 10_000.0
WALL = 1_773_497_179.204
STARTED = 9_000.0
COUNTERS = ("received", "started", "acked", "retried", "dead", "failed", "handed_back", "expired", "unshared")


def counters(**some: int) -> dict[str, int]:
    return dict.fromkeys(COUNTERS, 0) | some


def topic_report(name: str = "orders", **changed: Any) -> TopicReport:
    known: dict[str, Any] = {
        "counters": counters(),
        "running": 0,
        "queued": 0,
        "held": 0,
        "run_s": 0.0,
        "wait_s": 0.0,
        "wait": {},
        "run": {},
        "end": {},
        "skewed": 0,
        "oldest_s": None,
        "errors": (),
    }
    return TopicReport(topic=name, **known | changed)


def report(at: float, *topics: TopicReport, **changed: Any) -> Report:
    known: dict[str, Any] = {
        "instances": (),
        "threads": 8,
        "busy_s": 0.0,
        "cpu_s": 0.0,
        "rss_bytes": 100 << 20,
        "in_flight": 0,
        "buffer_used": 0,
        "polls": 1,
    }
    return Report(at=at, topics=topics, **known | changed)


def acked(at: float, count: int, **changed: Any) -> Report:
    """A report whose only topic has settled `count` with Ack since its process started."""
    return report(at, topic_report(counters=counters(received=count, acked=count)), **changed)


def instance(*, answered_at: float | None = NOW, failing_since: float | None = None) -> InstanceReport:
    error = None if failing_since is None else "connection refused"
    return InstanceReport(
        name="default",
        endpoint="127.0.0.1:8081",
        answered_at=answered_at,
        failing_since=failing_since,
        tries=0 if error is None else 9,
        error=error,
    )


def running(**changed: Any) -> Running:
    known: dict[str, Any] = {
        "thread": 5,
        "topic": "orders",
        "handler": "charge",
        "message_id": "01A2C4A7F30000000000000000009F04",
        "attempt": 1,
        "started_at": NOW - 0.01,
    }
    return Running(**known | changed)


def slot(number: int = 1, *, beat_age_s: float | None = 0.5, **changed: Any) -> SlotObservation:
    known: dict[str, Any] = {
        "state": "running",
        "since": STARTED,
        "pid": 41206 + number,
        "started_at": STARTED,
        "restarts": 0,
        "crashes": 0,
        "last_exit": None,
        "retry_at": None,
        "beat_at": None if beat_age_s is None else NOW - beat_age_s,
        "report": None if beat_age_s is None else report(NOW - beat_age_s),
        "queued": 0,
        "held": 0,
        "running": (),
        "in_flight_limit": 1024,
        "buffer_size": 16 << 20,
        "shards": (Shard("orders", number - 1),),
    }
    return SlotObservation(slot=number, **known | changed)


def topic(name: str = "orders", **changed: Any) -> TopicObservation:
    known: dict[str, Any] = {
        "group": "orders-service",
        "instance": "default",
        "shards": 2,
        "time_limit_s": 30.0,
        "quiet": None,
    }
    return TopicObservation(name=name, **known | changed)


def observation(*slots: SlotObservation, **changed: Any) -> Observation:
    known: dict[str, Any] = {
        "wall": WALL,
        "now": NOW,
        "host": "web-17",
        "version": "0.1.0",
        "pid": 41200,
        "state": "running",
        "started_at": STARTED,
        "config_file": "/srv/orders/config.toml",
        "processes_min": 1,
        "processes_max": 4,
        "wanted": len(slots),
        "slots": slots,
        "topics": (topic(),),
        "master_cpu_s": 12.0,
        "master_rss_bytes": 40 << 20,
        "slot_bytes": 19_188_736,
        "shm_free_bytes": 1 << 30,
        "slots_without_memory": 0,
        "quarantine": None,
    }
    return Observation(**known | changed)


def sending(**changed: Any) -> ProducerObservation:
    known: dict[str, Any] = dict.fromkeys(
        ("queued", "in_flight", "requests", "stored", "batches", "retries", "failures", "unknown", "dropped"), 0
    )
    known |= {
        "topic": "receipts",
        "kind": "normal",
        "batch_size": None,
        "latency_p50_s": None,
        "latency_p99_s": None,
        "rate_per_s": None,
        "linger_s": 0.0,
        "batch_bytes": 1 << 20,
        "in_flight_limit": 2,
        "why": "",
        "error": None,
    }
    return ProducerObservation(instance="default", lane=LaneSnapshot(**known | changed))


def error_count(count: int, *, kind: str = "LedgerClosed", text: str = "ledger is closed") -> ErrorCount:
    return ErrorCount(kind, text, "workers/orders.py:21", count)
