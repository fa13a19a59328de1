"""The snapshots behind the screens that are fixed by tests."""

from typing import Any

from sylph_mp.control.autoscale_status import AutoscaleStatus
from sylph_mp.control.status import (
    InstanceStatus,
    MasterStatus,
    NoteStatus,
    ProblemStatus,
    ProducerStatus,
    RunningStatus,
    SlotStatus,
    Snapshot,
    TopicStatus,
)

AT = "2026-03-14T14:06:19.204Z"
MIB = 1 << 20
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def master(**changed: Any) -> MasterStatus:
    known: dict[str, Any] = {
        "pid": 41200,
        "state": "running",
        "uptime_s": 3 * DAY,
        "host": "web-17",
        "version": "0.1.0",
        "config": "/srv/orders/config.toml",
        "processes_min": 2,
        "processes_max": 4,
        "processes_wanted": 4,
        "cpu_s": 120.0,
        "rss_bytes": 40 * MIB,
        "quarantined": 0,
    }
    return MasterStatus(**known | changed)


def topic(name: str, **changed: Any) -> TopicStatus:
    quantiles = dict.fromkeys(f"{what}_{p}_s" for what in ("wait", "run", "end") for p in ("p50", "p99"))
    counters = dict.fromkeys(
        ("received", "started", "acked", "retried", "dead", "failed", "handed_back", "expired", "unshared", "skewed"), 0
    )
    known: dict[str, Any] = {
        "topic": name,
        "group": "orders-service",
        "instance": "default",
        "state": "running",
        "shards": 1,
        "running": 0,
        "queued": 0,
        "held": 0,
        "rate_per_s": None,
        "fail_ratio": None,
        "backlog": None,
        "oldest_s": None,
        "errors": (),
    }
    return TopicStatus(**quantiles | counters | known | changed)


def slot(number: int, **changed: Any) -> SlotStatus:
    known: dict[str, Any] = {
        "slot": number,
        "pid": 41206 + number,
        "state": "running",
        "state_s": 10.0,
        "uptime_s": 3 * DAY + 4 * HOUR,
        "beat_age_s": 0.4,
        "cpu_ratio": 0.35,
        "rss_bytes": 118 * MIB,
        "guarded": False,
        "threads": 8,
        "busy_ratio": 0.66,
        "rate_per_s": 1540.0,
        "in_flight": 41,
        "in_flight_limit": 1024,
        "buffer_used_bytes": 16 * MIB // 50,
        "buffer_bytes": 16 * MIB,
        "received": 0,
        "acked": 0,
        "retried": 0,
        "dead": 0,
        "restarts": 0,
        "crashes": 0,
        "last_exit": None,
        "retry_in_s": None,
        "shards": (),
        "stands_in_for": None,
        "running": (),
    }
    return SlotStatus(**known | changed)


def call(**changed: Any) -> RunningStatus:
    known: dict[str, Any] = {
        "thread": 5,
        "topic": "orders",
        "handler": "charge",
        "message": "01A2C4A7F30000000000000000009F04",
        "attempt": 1,
        "run_s": 97.0,
        "limit_s": 30.0,
    }
    return RunningStatus(**known | changed)


def producer(topic: str, **changed: Any) -> ProducerStatus:
    known: dict[str, Any] = {
        "topic": topic,
        "instance": "default",
        "kind": "normal",
        "state": "running",
        "rate_per_s": 1090.0,
        "queued": 12,
        "in_flight": 64,
        "batch_size": 32.4,
        "linger_s": 0.004,
        "latency_p50_s": 0.006,
        "latency_p99_s": 0.021,
        "stored": 412_000,
        "batches": 12_700,
        "retries": 0,
        "failures": 0,
        "error": None,
        "why": "",
    }
    return ProducerStatus(**known | changed)


def scaling(**changed: Any) -> AutoscaleStatus:
    known: dict[str, Any] = {
        "mode": "automatic",
        "running": 4,
        "wanted": 4,
        "threads": 8,
        "processes_min": 2,
        "processes_max": 4,
        "threads_min": 8,
        "threads_max": 8,
        "sentence": "",
        "headline": "",
        "bounds": "",
        "changed_s": None,
        "next_look_s": 1.0,
        "signals": (),
        "history": (),
    }
    return AutoscaleStatus(**known | changed)


def healthy() -> Snapshot:
    return Snapshot(
        at=AT,
        verdict="healthy",
        sentence="orders-service on web-17 settles 6.21k/s with 4 consumers; 99 % end within 84 ms of being stored.",
        master=master(),
        topics=(
            topic(
                "orders", shards=4, rate_per_s=4810.0, fail_ratio=0.004, wait_p50_s=0.003, wait_p99_s=0.038,
                run_p50_s=0.0029, run_p99_s=0.021, end_p99_s=0.084, running=20, queued=111, oldest_s=0.3,
            ),
            topic(
                "refunds", shards=2, rate_per_s=310.0, fail_ratio=0.0, wait_p50_s=0.002, wait_p99_s=0.009,
                run_p50_s=0.011, run_p99_s=0.048, end_p99_s=0.079, running=4, queued=7, oldest_s=0.0004,
            ),
            topic(
                "receipts", shards=4, rate_per_s=1090.0, fail_ratio=0.0, wait_p50_s=0.001, wait_p99_s=0.006,
                run_p50_s=0.0012, run_p99_s=0.0031, end_p99_s=0.031, queued=26,
            ),
        ),
        slots=(
            slot(
                1, rate_per_s=1580.0, busy_ratio=0.67, in_flight=44, cpu_ratio=0.36,
                shards=("orders/0", "refunds/0", "receipts/0"),
            ),
            slot(2, busy_ratio=0.65, rss_bytes=121 * MIB, shards=("orders/1", "receipts/1")),
            slot(
                3, pid=52113, uptime_s=2 * HOUR + 11 * MINUTE, rate_per_s=1520.0, in_flight=42, rss_bytes=104 * MIB,
                shards=("orders/2", "refunds/1", "receipts/2"),
            ),
            slot(
                4, pid=52977, uptime_s=12 * MINUTE + 4, rate_per_s=1570.0, busy_ratio=0.68, cpu_ratio=0.37,
                rss_bytes=102 * MIB, shards=("orders/3", "receipts/3"),
            ),
        ),
    )  # fmt: skip


PROBLEMS = (
    ProblemStatus(
        code="consumer-hung",
        slot=3,
        since="2026-03-14T14:06:07.204Z",
        value=12.0,
        threshold=5.0,
        sentence="slot 3 shows no heartbeat for 12 s, kill at 15 s",
        text="slot 3: no heartbeat for 12 s",
        next="sylph status 3",
    ),
    ProblemStatus(
        code="handler-failing",
        topic="orders",
        since="2026-03-14T14:02:07.204Z",
        value=0.31,
        threshold=0.1,
        sentence="orders fails 31 %, most often LedgerClosed: ledger is closed",
        text="orders: 31 % of 3.35k/s, 4m12s",
        next="sylph status orders",
    ),
    ProblemStatus(
        code="thread-stuck",
        slot=2,
        topic="orders",
        since="2026-03-14T14:05:12.204Z",
        value=97.0,
        threshold=30.0,
        sentence="slot 2 thread 5: charge runs 1m37s, limit 30 s",
        text="slot 2, thread 5",
        next="sylph recycle 2",
    ),
)


def degraded() -> Snapshot:
    return Snapshot(
        at=AT,
        verdict="degraded",
        sentence="slot 3 shows no heartbeat for 12 s, kill at 15 s; 2 more problems",
        next="sylph status 3",
        problems=PROBLEMS,
        notes=(
            NoteStatus(
                code="topic-quiet",
                topic="refunds",
                since="2026-03-14T09:14:00.000Z",
                by="root",
                sentence="refunds is quiet since 09:14 by root",
                text="refunds is quiet since 09:14 (2h10m) by root",
                next="sylph start refunds",
            ),
        ),
        master=master(),
        topics=(
            topic(
                "orders", state="failing", shards=4, rate_per_s=2310.0, fail_ratio=0.31, wait_p99_s=0.41,
                run_p99_s=0.031, end_p99_s=1.4,
            ),
            topic("receipts", rate_per_s=580.0, fail_ratio=0.0, wait_p99_s=0.007, run_p99_s=0.003, end_p99_s=0.03),
            topic("refunds", state="quiet", rate_per_s=0.0),
        ),
        slots=(
            slot(1, rate_per_s=1020.0, busy_ratio=0.91, in_flight=88, cpu_ratio=0.36),
            slot(
                2, state="stuck", rate_per_s=880.0, busy_ratio=0.93, in_flight=96, rss_bytes=121 * MIB,
                running=(call(), call(thread=1, run_s=0.2)),
            ),
            slot(
                3, state="hung", state_s=12.0, beat_age_s=12.0, uptime_s=6 * MINUTE + 2, rate_per_s=None,
                busy_ratio=None, in_flight=74, cpu_ratio=None, rss_bytes=104 * MIB, crashes=2, threads=None,
            ),
            slot(
                4, uptime_s=12 * MINUTE + 4, rate_per_s=990.0, busy_ratio=0.92, in_flight=91, cpu_ratio=0.37,
                rss_bytes=102 * MIB,
            ),
        ),
    )  # fmt: skip


def broken() -> Snapshot:
    return Snapshot(
        at="2026-03-14T14:02:31.000Z",
        verdict="broken",
        sentence="broker 127.0.0.1:8081 away for 24 s (connection refused): no topic runs",
        next="sylph status --instances",
        problems=(
            ProblemStatus(
                code="broker-away",
                instance="default",
                since="2026-03-14T14:02:07.000Z",
                value=24.0,
                threshold=10.0,
                sentence="broker 127.0.0.1:8081 away for 24 s (connection refused)",
                text="default: away for 24 s (connection refused)",
                next="sylph status --instances",
            ),
        ),
        master=master(),
        topics=(topic("orders", state="away", held=96), topic("refunds", state="away")),
        slots=(slot(1, in_flight=200), slot(2, in_flight=212)),
        instances=(
            InstanceStatus(
                name="default",
                endpoint="127.0.0.1:8081",
                state="away",
                since="2026-03-14T14:02:07.000Z",
                tries=9,
                error="connection refused",
                leases_end="2026-03-14T14:02:51.000Z",
            ),
        ),
    )
