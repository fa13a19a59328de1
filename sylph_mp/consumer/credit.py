"""Decides how many messages the next receive may ask for. Pure: all figures are given.

No credit, no receive: what a process holds is bounded by its configuration, however slow its handlers are.
"""

#: The broker gives no more in one receive (5.5.0).
MAX_BATCH = 32
#: No more is queued than the threads finish in this time, so that others can run what we cannot.
APPETITE_S = 2.0


def appetite(*, capacity: int, run_s: float | None, rate_per_s: float = 0.0) -> int:
    """How many deliveries of a topic may be queued when `capacity` calls of `run_s` go on at once.

    Before the first call (run_s None) one batch; never less than one each for all that can run. Of a topic whose
    processes together may start `rate_per_s` (0: no limit) no more than these start in the same time.
    """
    if rate_per_s:
        return min(max(1, int(rate_per_s * APPETITE_S)), appetite(capacity=capacity, run_s=run_s))
    if run_s is None:
        return max(MAX_BATCH, capacity)
    if run_s <= 0:
        return 1 << 30
    return max(capacity, int(capacity * APPETITE_S / run_s))


def worthwhile(*, capacity: int, appetite: int, fifo: bool) -> int:
    """For fewer than this no receive is sent: as long as they are missing enough is queued for all that can run.

    Otherwise every message that a slow handler begins would be followed by a receive for one. What is queued in an
    ordered topic may all wait behind one message, so there any is worth it.
    """
    return 1 if fifo else max(1, min(MAX_BATCH, (appetite - capacity) // 2))


def grant(*, free_entries: int, free_bytes: int, frame_bytes: float, wanted: int, sharers: int) -> int:
    """Messages that a receive may ask for, 0 to MAX_BATCH; `sharers` receivers draw on the same credit.

    `wanted` is what the topic's appetite leaves.
    """
    room = min(free_entries, int(free_bytes / frame_bytes), wanted)
    if room <= 0:
        return 0
    return min(MAX_BATCH, max(1, room // max(1, sharers)))
