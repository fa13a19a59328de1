"""What all threads of consumers do, call by call: the object of schema `sylph.stacks/1`.

Made in the master, read in the command's process. Within /1 keys are only added.
"""

from msgspec import Struct

from sylph_mp.control.status import RunningStatus

SCHEMA = "sylph.stacks/1"


class ThreadStacks(Struct, frozen=True, kw_only=True):
    ident: int
    """As of `threading.get_ident()` in the consumer."""
    thread: int | None
    """Of the WorkerPool, from 1; null for the process's other threads."""
    running: tuple[RunningStatus, ...]
    """The deliveries of the handler call that goes on in it: several if it is a batch."""
    calls: tuple[str, ...]
    """`/srv/orders/workers/receipts.py:88 in render`, the innermost first; empty where no Python code runs."""


class ProcessStacks(Struct, frozen=True, kw_only=True):
    slot: int
    pid: int
    uptime_s: float
    error: str | None
    """Why there are no threads."""
    threads: tuple[ThreadStacks, ...]
    """Those of the WorkerPool first, by number."""
    async_running: tuple[RunningStatus, ...]
    """Deliveries of async handler calls, the longest first: on which thread a coroutine waits cannot be told."""


class Stacks(Struct, tag=SCHEMA, tag_field="schema", frozen=True, kw_only=True):
    at: str
    processes: tuple[ProcessStacks, ...]
