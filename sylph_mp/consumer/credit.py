"""Decides how many messages the next receive may ask for. Pure: all figures are given.

No credit, no receive: what a process holds is bounded by its configuration, however slow its handlers are.
"""

#: The broker gives no more in one receive (5.5.0).
MAX_BATCH = 32
#: No more is queued than the threads finish in this time, so that others can run what we cannot.
APPETITE_S = 2.0


def appetite(*, capacity: int, run_s: float | None) -> int:
    """How many deliveries of a topic may be queued when `capacity` calls of `run_s` go on at once.

    Before the first call (run_s None) one batch; never less than one each for all that can run.
    """
    if run_s is None:
        return max(MAX_BATCH, capacity)
    if run_s <= 0:
        return 1 << 30
    return max(capacity, int(capacity * APPETITE_S / run_s))


def grant(*, free_entries: int, free_bytes: int, frame_bytes: float, wanted: int, sharers: int) -> int:
    """Messages that a receive may ask for, 0 to MAX_BATCH; `sharers` receivers draw on the same credit.

    `wanted` is what the topic's appetite leaves.
    """
    room = min(free_entries, int(free_bytes / frame_bytes), wanted)
    if room <= 0:
        return 0
    return min(MAX_BATCH, max(1, room // max(1, sharers)))
