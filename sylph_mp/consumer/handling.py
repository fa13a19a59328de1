"""Wires what runs handlers: from the lanes over threads and coroutines to the outbox. On the loop thread."""

import asyncio
import logging
from time import monotonic_ns

from sylph_mp.consumer.async_calls import AsyncCalls
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.completions import Completions
from sylph_mp.consumer.dispatcher import Dispatcher
from sylph_mp.consumer.execution import Call, Execution
from sylph_mp.consumer.flight_recorder import FlightRecorder
from sylph_mp.consumer.invocation import Invocation
from sylph_mp.consumer.outbox import Outbox
from sylph_mp.consumer.outputs import Sender
from sylph_mp.consumer.settlement import Settlement
from sylph_mp.consumer.stage import Stage
from sylph_mp.consumer.thread_calls import ThreadCalls
from sylph_mp.consumer.turnstile import Rates, Turnstile
from sylph_mp.consumer.worker_pool import WorkerPool
from sylph_mp.frames import FrameStream
from sylph_mp.logs import Log
from sylph_mp.pipe import Command, Spawn
from sylph_mp.producer.new_encoder import new_encoder
from sylph_mp.shm.outbox import OutboxWriter
from sylph_mp.shm.receipts import Receipts
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Table
from sylph_mp.shm.vitals import VitalsWriter
from sylph_mp.tracing import traces


class Handling:
    def __init__(
        self,
        spawn: Spawn,
        *,
        segment: Segment,
        table: Table,
        vitals: VitalsWriter,
        rates: Rates,
        buffer: Buffer,
        settlement: Settlement,
        flight_recorder: FlightRecorder,
        stream: FrameStream[Command],
        log: Log,
    ) -> None:
        config = spawn.config
        self.outbox = outbox = Outbox(
            writer=OutboxWriter(segment),
            receipts=Receipts(segment),
            table=table,
            post=stream.post,
            hand_back=settlement.hand_back_all,
            loop=asyncio.get_running_loop(),
        )
        sender = Sender(
            encoders={name: new_encoder(instance.namespace) for name, instance in config.instances.items()},
            largest_bytes=outbox.largest_bytes,
            send_now=outbox.send_now,
        )
        handler_log = logging.getLogger(config.app.partition(":")[0])
        invocation = _kind_of_invocation()(slot=spawn.slot, log=log, handler_log=handler_log, sender=sender)
        self.thread_calls = ThreadCalls()
        execution = Execution(table=table, invocation=invocation, guard=self.thread_calls.guard)
        completions = Completions(loop=asyncio.get_running_loop())
        self._vitals = vitals
        self.pool: WorkerPool[Call] = WorkerPool(
            size=config.consumers.threads.min, run=execution.run, done=completions.put, started=self._thread_began
        )
        self.async_calls: AsyncCalls[Call] = AsyncCalls(
            limit=config.consumers.async_calls, run=execution.run_async, done=completions.put
        )
        self.dispatcher = Dispatcher(
            stage=Turnstile(
                stage=Stage(threads=self.pool, async_calls=self.async_calls),
                rates=rates,
                lines=spawn.rate_lines,
                monotonic_ns=monotonic_ns,
            ),
            buffer=buffer,
            settle=settlement.settle,
            hold=outbox.hold,
            resume=outbox.adopt,
            refused=invocation.refused,
        )
        outbox.conclude_with(self.dispatcher)
        completions.deliver_to(flight_recorder.finished, self.dispatcher.finished)

    def stop(self) -> None:
        """Let the threads end after what they run now."""
        self.async_calls.stop()
        self.pool.stop()

    def _thread_began(self, thread: int, ident: int) -> None:
        """A worker thread's first words, in it."""
        self._vitals.thread(thread - 1, ident)
        self.thread_calls.enter(thread, ident)


def _kind_of_invocation() -> type[Invocation]:
    """The start hooks have run: a tracer provider that they set is there."""
    if not traces():
        return Invocation
    from sylph_mp.consumer.traced_invocation import TracedInvocation  # noqa: PLC0415  needs the extra `otel`

    return TracedInvocation
