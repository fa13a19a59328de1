"""A consumer process's own life: does what the master says, drains when told to or when the master is gone.

Runs on the loop thread.
"""

import asyncio
from collections.abc import Callable

from sylph_mp import logs
from sylph_mp.clock import Clock
from sylph_mp.consumer.drain import Drain
from sylph_mp.consumer.execution import Call
from sylph_mp.consumer.outbox import Outbox
from sylph_mp.consumer.receiving import Receiving
from sylph_mp.consumer.sessions import Sessions
from sylph_mp.consumer.transaction_checks import TransactionChecks
from sylph_mp.consumer.worker_pool import WorkerPool
from sylph_mp.frames import FrameStream
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.pipe import Assign, CheckTransaction, Command, Drained, Ready, ReceiptsWritten
from sylph_mp.pipe import Drain as DrainCommand
from sylph_mp.shm.vitals import VitalsState


class Consumer:
    def __init__(
        self,
        *,
        pipe: FrameStream[Command],
        sessions: Sessions,
        receiving: Receiving,
        pool: WorkerPool[Call],
        drain: Drain,
        drain_s: float,
        clock: Clock,
        log: Log,
        outbox: Outbox,
        checks: TransactionChecks,
        entered: Callable[[VitalsState], None],
    ) -> None:
        """`entered` is told each new state."""
        self._pipe = pipe
        self._sessions = sessions
        self._receiving = receiving
        self._pool = pool
        self._drain = drain
        self._drain_s = drain_s
        self._clock = clock
        self._log = log
        self._outbox = outbox
        self._checks = checks
        self._entered = entered
        self._assigned: Assign | None = None
        self._open = False
        self._ending: asyncio.Future[Deadline] = asyncio.get_running_loop().create_future()

    async def run(self) -> Drained:
        """Consume until told to drain; returns what the drain did."""
        opening = asyncio.create_task(self._open_sessions())
        listening = asyncio.create_task(self._listen())
        deadline = await self._ending
        self._entered(VitalsState.DRAINING)
        drained = await self._drain.run(deadline)
        listening.cancel()
        opening.cancel()  # not before: what was adopted is settled over the sessions
        return drained

    def end(self, deadline: Deadline | None = None) -> None:
        """Drain by the deadline, by default the configuration's time from now."""
        if not self._ending.done():
            self._ending.set_result(deadline or Deadline.after(self._drain_s, self._clock))

    async def _open_sessions(self) -> None:
        fifo_groups = await self._sessions.open()
        self._open = True
        self._entered(VitalsState.RUNNING)
        self._pipe.post(Ready(fifo_groups=fifo_groups))
        if not self._ending.done():
            self._receiving.repeats.start()
        self._apply()

    async def _listen(self) -> None:
        async for command in self._pipe:
            match command:
                case Assign():
                    self._assigned = command
                    self._apply()
                case DrainCommand():
                    self.end(Deadline(command.until))
                case ReceiptsWritten():
                    self._outbox.written(command)
                case CheckTransaction():
                    self._checks.answer(command)
        self._outbox.abandon()
        if not self._ending.done():
            self._log.warn("master-gone", "the master is gone: draining and exiting")
            self.end()

    def _apply(self) -> None:
        if self._assigned is None:
            return
        logs.set_level(self._assigned.log_level)
        self._pool.resize(self._assigned.threads)
        if self._open and not self._ending.done():
            self._receiving.shards.assign(self._assigned.shards)
