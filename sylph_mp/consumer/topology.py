"""Wires a consumer process: builds everything in start order, runs it, and takes it down in reverse.

The only module of the consumer that names RocketMQ. Runs on the loop thread.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from time import monotonic_ns

from sylph_mp.api import App
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config
from sylph_mp.consumer.adoption import Adoption
from sylph_mp.consumer.async_calls import AsyncCalls
from sylph_mp.consumer.background import Background
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.completions import Completions
from sylph_mp.consumer.consumer import Consumer
from sylph_mp.consumer.dispatcher import Dispatcher
from sylph_mp.consumer.drain import Drain
from sylph_mp.consumer.execution import Call, Execution
from sylph_mp.consumer.intake import Intake
from sylph_mp.consumer.invocation import Invocation
from sylph_mp.consumer.leases import Leases
from sylph_mp.consumer.receiver import Receiver
from sylph_mp.consumer.reporter import Reporter
from sylph_mp.consumer.sessions import Sessions
from sylph_mp.consumer.settlement import Settlement
from sylph_mp.consumer.shards import Shards
from sylph_mp.consumer.stage import Stage
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.thread_calls import ThreadCalls
from sylph_mp.consumer.watchdog import Watchdog
from sylph_mp.consumer.worker_pool import WorkerPool
from sylph_mp.frames import FrameStream
from sylph_mp.logs import Log
from sylph_mp.pipe import COMMANDS, Command, Drained, Spawn
from sylph_mp.ports import Clients, Received
from sylph_mp.rocketmq.client_pool import ClientPool
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.rocketmq.official_client import import_official_client
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Table
from sylph_mp.shm.vitals import VitalsState, VitalsWriter


def prepare() -> None:
    """To be called first in the process, before logging is configured."""
    import_official_client()


async def run(spawn: Spawn, pipe: socket.socket, app: App, *, log: Log, title: Callable[[str], None]) -> None:
    """Consume until told to drain, or until the master is gone; `title` is told each state.

    The segment stays open to the process's end: a handler that outlasts the drain still marks its entry.
    """
    segment = Segment.attach(spawn.segment)
    stream = await FrameStream.from_socket(pipe, COMMANDS)
    clients = ClientPool(spawn.config, clock=SystemClock())
    try:
        drained = await serve(spawn, segment=segment, stream=stream, clients=clients, app=app, log=log, title=title)
        await clients.close()
        await stream.send(drained)
    except ConnectionError:
        log.debug("master-gone", "nobody is left to be told how the drain went")
    finally:
        await stream.close()


async def serve(
    spawn: Spawn,
    *,
    segment: Segment,
    stream: FrameStream[Command],
    clients: Clients,
    app: App,
    parse: Callable[[bytes], Received] = Delivery.parse,
    log: Log,
    title: Callable[[str], None],
) -> Drained:
    """Build the parts on a segment, a pipe and sessions, and run them to the end of the drain."""
    config = spawn.config
    clock = SystemClock()
    vitals = VitalsWriter(segment)
    vitals.open(os.getpid(), monotonic_ns())
    background = Background(failed=lambda error: log.exception("bug", f"a background task failed: {error}", error))
    subscriptions = _subscriptions(config, app)
    every = tuple(subscriptions.values())

    table = Table(segment)
    buffer = Buffer(table=table, arena=Arena(segment), entries=config.consumers.in_flight)
    settlement = Settlement(buffer=buffer, background=background)
    completions = Completions(loop=asyncio.get_running_loop())
    handler_log = logging.getLogger(config.app.partition(":")[0])
    thread_calls = ThreadCalls()
    invocation = Invocation(slot=spawn.slot, log=log, handler_log=handler_log)
    execution = Execution(table=table, invocation=invocation, guard=thread_calls.guard)
    pool: WorkerPool[Call] = WorkerPool(
        size=config.consumers.threads.min,
        run=execution.run,
        done=completions.put,
        started=lambda number, ident: _began(number, ident, vitals, thread_calls),
    )
    async_calls: AsyncCalls[Call] = AsyncCalls(
        limit=config.consumers.async_calls, run=execution.run_async, done=completions.put
    )
    stage = Stage(threads=pool, async_calls=async_calls)
    dispatcher = Dispatcher(stage=stage, buffer=buffer, settle=settlement.settle)
    completions.deliver_to(dispatcher.finished)
    leases = Leases(buffer=buffer, background=background)
    intake = Intake(
        buffer=buffer,
        leases=leases,
        dispatch=dispatcher.add,
        hand_back=settlement.hand_back,
        capacity=lambda of: config.consumers.async_calls if of.handler.is_async else pool.size * of.handler.batch,
    )
    endpoints = {name: ";".join(instance.endpoints) for name, instance in config.instances.items()}
    sessions = Sessions(subscriptions=every, clients=clients, endpoints=endpoints, clock=clock, log=log)
    reporter = Reporter(
        subscriptions=every, sessions=sessions, buffer=buffer, pool=pool, vitals=vitals, post=stream.post
    )
    settlement.listen(intake.room)
    settlement.listen(reporter.count)
    shards = Shards(
        receiver=lambda topic: Receiver(subscription=subscriptions[topic], intake=intake, background=background)
    )
    drain = Drain(
        shards=shards,
        intake=intake,
        dispatcher=dispatcher,
        settlement=settlement,
        buffer=buffer,
        clock=clock,
        post=stream.post,
    )
    consumer = Consumer(
        pipe=stream,
        sessions=sessions,
        shards=shards,
        pool=pool,
        drain=drain,
        drain_s=config.consumers.drain_s,
        clock=clock,
        log=log,
        entered=lambda state: _enter(state, vitals, title),
    )
    adoption = Adoption(
        subscriptions=every, table=table, buffer=buffer, leases=leases, dispatcher=dispatcher, parse=parse
    )
    stream.post(adoption.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.end)
    background.run(leases.run())
    background.run(reporter.run())
    background.run(Watchdog(calls=(thread_calls, async_calls), post=stream.post, log=log).run())
    try:
        return await consumer.run()
    finally:
        reporter.report()
        background.cancel()
        async_calls.stop()
        pool.stop()
        _enter(VitalsState.STOPPED, vitals, title)


def _enter(state: VitalsState, vitals: VitalsWriter, title: Callable[[str], None]) -> None:
    vitals.state = state
    title(state.name.lower())


def _began(thread: int, ident: int, vitals: VitalsWriter, thread_calls: ThreadCalls) -> None:
    """A worker thread's first words, in it."""
    vitals.thread(thread - 1, ident)
    thread_calls.enter(thread, ident)


def _subscriptions(config: Config, app: App) -> dict[str, Subscription]:
    return {
        topic.name: Subscription(
            topic=topic,
            index=index,
            handler=app.handlers[topic.name],
        )
        for index, topic in enumerate(config.topics.values())
    }
