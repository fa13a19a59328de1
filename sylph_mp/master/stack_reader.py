"""Asks consumers for the stacks of all their threads, and puts to each thread what it runs.

On the master's loop thread. A consumer answers by a handler in C (faulthandler): it needs no interpreter for that.
"""

import asyncio
from collections.abc import Mapping, Sequence

from sylph_mp.clock import Clock
from sylph_mp.control.observation import Running
from sylph_mp.control.snapshot import running_status
from sylph_mp.control.stacks import ProcessStacks, ThreadStacks
from sylph_mp.control.status import RunningStatus
from sylph_mp.lifecycle import Deadline
from sylph_mp.master.child import Child
from sylph_mp.master.faulthandler_dump import Dump, parse_dump
from sylph_mp.master.observer import Observer
from sylph_mp.master.slot import Slot
from sylph_mp.master.stack_files import StackFiles
from sylph_mp.shm.vitals import read_vitals

#: A process that is scheduled at all has written its stacks by then.
ANSWER_S = 1.0
#: What has not grown for this long is written to its end.
SETTLED_S = 0.03


class StackReader:
    def __init__(self, *, stack_files: StackFiles, observer: Observer, clock: Clock) -> None:
        self._files = stack_files
        self._observer = observer
        self._clock = clock
        self._turn = asyncio.Lock()

    async def read(self, slots: Sequence[Slot]) -> tuple[ProcessStacks, ...]:
        """One entry for each slot that has a consumer; takes ANSWER_S at most."""
        asked = [(slot, slot.child) for slot in slots if slot.child is not None and not slot.child.ended]
        async with self._turn:
            for slot, child in asked:
                self._files.clear(slot.number)
                child.ask_for_stacks()
            deadline = Deadline.after(ANSWER_S, self._clock)
            texts = await asyncio.gather(*(self._written(slot.number, deadline) for slot, _ in asked))
        return tuple(self._of(slot, child, text) for (slot, child), text in zip(asked, texts, strict=True))

    async def _written(self, slot: int, deadline: Deadline) -> str:
        size = 0
        while not deadline.passed(self._clock):
            await asyncio.sleep(SETTLED_S)
            before, size = size, self._files.size(slot)
            if size and size == before:
                return self._files.read(slot)
        return ""

    def _of(self, slot: Slot, child: Child, text: str) -> ProcessStacks:
        now = self._clock.monotonic()
        limits = {topic.name: topic.time_limit_s for topic in child.config.topics.values()}
        running = [
            (call.thread, running_status(call, limits, now))
            for call in sorted(self._observer.running(slot), key=_began_at)
        ]
        idents = read_vitals(slot.segment).thread_idents if slot.segment is not None else ()
        return ProcessStacks(
            slot=slot.number,
            pid=child.pid,
            uptime_s=now - child.forked_at,
            error=None if text else f"no answer within {ANSWER_S:.0f} s: it does not run, or has not begun",
            threads=threads_of(parse_dump(text), idents, [status for thread, status in running if thread is not None]),
            async_running=tuple(status for thread, status in running if thread is None),
        )


def threads_of(dump: Dump, idents: Sequence[int], running: Sequence[RunningStatus]) -> tuple[ThreadStacks, ...]:
    """The WorkerPool's threads by number, then the others; `idents` are the WorkerPool's, by thread from 0."""
    numbers: Mapping[int, int] = {ident: place + 1 for place, ident in enumerate(idents) if ident}
    found = [_thread(ident, numbers.get(ident), calls, running) for ident, calls in dump.threads.items()]
    return tuple(sorted(found, key=lambda each: each.thread if each.thread is not None else len(idents) + 1))


def _thread(ident: int, number: int | None, calls: Sequence[str], running: Sequence[RunningStatus]) -> ThreadStacks:
    own = tuple(call for call in running if number is not None and call.thread == number)
    return ThreadStacks(ident=ident, thread=number, running=own, calls=tuple(calls))


def _began_at(call: Running) -> float:
    return call.started_at
