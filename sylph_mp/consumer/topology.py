"""Wires a consumer process: builds everything in start order, runs it, and takes it down in reverse.

The only module of the consumer that names RocketMQ. Runs on the loop thread.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from time import monotonic_ns

from sylph_mp.api import App
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Config
from sylph_mp.consumer.adoption import Adoption
from sylph_mp.consumer.background import Background
from sylph_mp.consumer.buffer import Buffer
from sylph_mp.consumer.consumer import Consumer
from sylph_mp.consumer.drain import Drain
from sylph_mp.consumer.flight_recorder import FlightRecorder
from sylph_mp.consumer.handling import Handling
from sylph_mp.consumer.receiving import Receiving
from sylph_mp.consumer.reporter import Reporter
from sylph_mp.consumer.sessions import Sessions
from sylph_mp.consumer.settlement import Settlement
from sylph_mp.consumer.subscription import Subscription
from sylph_mp.consumer.ticker import Ticker
from sylph_mp.consumer.transaction_checks import TransactionChecks
from sylph_mp.consumer.turnstile import Rates
from sylph_mp.consumer.watchdog import Watchdog
from sylph_mp.frames import FrameStream
from sylph_mp.logs import Log
from sylph_mp.pipe import COMMANDS, Command, Drained, Report, Spawn
from sylph_mp.ports import Clients, Received
from sylph_mp.rocketmq.client_pool import ClientPool
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.polls import Polls
from sylph_mp.shm.rates import RateTaker
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Table
from sylph_mp.shm.vitals import VitalsState, VitalsWriter


async def run(
    spawn: Spawn,
    pipe: socket.socket,
    app: App,
    *,
    segment: Segment,
    flight_recorder: FlightRecorder,
    log: Log,
    title: Callable[[str], None],
) -> None:
    """Consume until told to drain, or until the master is gone; `title` is told each state.

    The segment stays open to the process's end: a handler that outlasts the drain still marks its entry.
    """
    stream = await FrameStream.from_socket(pipe, COMMANDS)
    clients = ClientPool(spawn.config, clock=SystemClock())
    try:
        drained = await serve(
            spawn,
            segment=segment,
            flight_recorder=flight_recorder,
            rates=RateTaker.attach(spawn.rates, slot=spawn.slot),
            stream=stream,
            clients=clients,
            app=app,
            log=log,
            title=title,
        )
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
    flight_recorder: FlightRecorder,
    rates: Rates,
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
    failed = partial(_failed, log)
    background = Background(failed=failed)
    subscriptions = _subscriptions(config, app)
    every = tuple(subscriptions.values())

    table, polls = Table(segment), Polls(segment)
    buffer = Buffer(table=table, arena=Arena(segment), entries=config.consumers.in_flight)
    settlement = Settlement(buffer=buffer, background=background)
    handling = Handling(
        spawn,
        segment=segment,
        table=table,
        vitals=vitals,
        rates=rates,
        buffer=buffer,
        settlement=settlement,
        flight_recorder=flight_recorder,
        stream=stream,
        log=log,
    )
    receiving = Receiving(
        spawn,
        subscriptions=subscriptions,
        polls=polls,
        rates=rates,
        buffer=buffer,
        handling=handling,
        settlement=settlement,
        background=background,
    )
    sessions = Sessions(subscriptions=every, clients=clients, endpoints=_endpoints(config), clock=clock, log=log)
    reporter = Reporter(
        subscriptions=every,
        sessions=sessions,
        buffer=buffer,
        pool=handling.pool,
        async_calls=handling.async_calls,
        vitals=vitals,
        post=lambda report: _report(report, flight_recorder, stream),
    )
    settlement.listen(reporter.count)
    drain = Drain(
        receiving=receiving,
        dispatcher=handling.dispatcher,
        settlement=settlement,
        buffer=buffer,
        clock=clock,
        post=stream.post,
    )
    consumer = Consumer(
        pipe=stream,
        sessions=sessions,
        receiving=receiving,
        pool=handling.pool,
        drain=drain,
        drain_s=config.consumers.drain_s,
        clock=clock,
        log=log,
        outbox=handling.outbox,
        checks=TransactionChecks(checkers=app.checkers, background=background, post=stream.post, log=log),
        entered=lambda state: _enter(state, vitals, title),
    )
    adoption = Adoption(
        subscriptions=every,
        table=table,
        polls=polls,
        buffer=buffer,
        leases=receiving.leases,
        dispatcher=handling.dispatcher,
        repeats=receiving.repeats,
        parse=parse,
    )
    stream.post(adoption.run())
    watchdog = Watchdog(calls=(handling.thread_calls, handling.async_calls), post=stream.post, log=log)
    ticker = Ticker(ticks=(reporter.tick, watchdog.look, receiving.leases.look), failed=failed)
    try:
        return await _consume(consumer, background, ticker)
    finally:
        reporter.report()
        handling.stop()
        _enter(VitalsState.STOPPED, vitals, title)


async def _consume(consumer: Consumer, background: Background, ticker: Ticker) -> Drained:
    """Until it has drained, beside what goes on all the time."""
    background.run(ticker.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.end)
    try:
        return await consumer.run()
    finally:
        background.cancel()


def _failed(log: Log, error: BaseException) -> None:
    log.exception("bug", f"a background task failed: {error}", error)


def _report(report: Report, flight_recorder: FlightRecorder, stream: FrameStream[Command]) -> None:
    flight_recorder.sample(report)
    stream.post(report)


def _enter(state: VitalsState, vitals: VitalsWriter, title: Callable[[str], None]) -> None:
    vitals.state = state
    title(state.name.lower())


def _endpoints(config: Config) -> dict[str, str]:
    return {name: ";".join(instance.endpoints) for name, instance in config.instances.items()}


def _subscriptions(config: Config, app: App) -> dict[str, Subscription]:
    return {
        topic.name: Subscription(
            topic=topic,
            index=index,
            handler=app.handlers[topic.name],
        )
        for index, topic in enumerate(config.topics.values())
    }
