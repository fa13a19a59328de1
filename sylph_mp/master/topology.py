"""Wires a master: builds everything in start order, runs it, and takes it down in reverse.

The only module of the master that names RocketMQ.
"""

import asyncio
import math
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from setproctitle import setproctitle

from sylph_mp.clock import Clock, SystemClock
from sylph_mp.config.file import problems_of, shown_path
from sylph_mp.config.schema import Config, Instance, Producers
from sylph_mp.control.history import History
from sylph_mp.control.protocol import Stopped as StoppedMessage
from sylph_mp.control.server import ControlServer
from sylph_mp.control.timeline import Timeline
from sylph_mp.errors import SylphError
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log, heard_by
from sylph_mp.master import signals, state_folder
from sylph_mp.master.backlogs import Backlogs, fetch
from sylph_mp.master.bereavement import Bereavement
from sylph_mp.master.broker_check import Answer, Ask, BrokerCheck
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.coroner import Coroner
from sylph_mp.master.courier import Couriers
from sylph_mp.master.crash_reports import CrashReports
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.host import Host
from sylph_mp.master.journal import Journal
from sylph_mp.master.known_names import KnownNames
from sylph_mp.master.live_settings import LiveSettings, Load
from sylph_mp.master.memory_account import MemoryAccount
from sylph_mp.master.narrator import Narrator
from sylph_mp.master.observer import Observer
from sylph_mp.master.operations import Operations
from sylph_mp.master.options import Options
from sylph_mp.master.outlets import Outlets
from sylph_mp.master.quarantine import Quarantine
from sylph_mp.master.rate_limits import RateLimits
from sylph_mp.master.recycler import Recycler
from sylph_mp.master.replacer import Replacer
from sylph_mp.master.restarts import Rules
from sylph_mp.master.scaler import Scaler
from sylph_mp.master.shutdown import Stopped
from sylph_mp.master.slot_memory import SlotMemory
from sylph_mp.master.spawner import Spawner
from sylph_mp.master.stack_files import StackFiles
from sylph_mp.master.stack_reader import StackReader
from sylph_mp.master.stand_in import StandIn
from sylph_mp.master.startup import Startup
from sylph_mp.master.strikes import Strikes
from sylph_mp.master.supervisor import Supervisor
from sylph_mp.master.transaction_checks import TransactionChecks
from sylph_mp.master.transcript import Transcript, groups_of
from sylph_mp.producer.publisher import Publisher
from sylph_mp.producer.transactions import answer_by
from sylph_mp.rocketmq.delivery import id_in, message_in
from sylph_mp.rocketmq.probe import Finding, probe

if TYPE_CHECKING:
    from sylph_mp.control.http_server import HttpServer

#: The symptoms are looked at so often even if nobody asks, for their times to be right.
WATCH_S = 1.0
#: When the consumers are gone nobody waits for receipts; what is on the wire is waited for all the same.
LAST_RECEIPTS_S = 1.0


class Master:
    """All parts of one master; `run` once."""

    def __init__(self, config: Config, *, load: Load, transcript: Transcript, options: Options, log: Log) -> None:
        """`load` reads the configuration anew."""
        clock = SystemClock()
        self._config = config
        self._transcript = transcript
        self._options = options
        self._log = log
        self._clock = clock
        self._memory = memory = SlotMemory(config, clock=clock, log=log)
        self._fleet = fleet = memory.make_fleet()
        self._backlogs = backlogs = Backlogs(config=lambda: fleet.config, fetch=fetch, clock=clock, log=log)
        scaler = _scaler(fleet, backlogs, options, clock, log)
        self._history = history = History()
        self._timeline = Timeline()
        rules = Rules()
        self._journal = journal = Journal(clock)
        state = Path(config.control.state)
        stack_files, quarantine = StackFiles(state), Quarantine(state, clock)
        self._checks = checks = TransactionChecks(fleet=fleet)
        self._outlets = _outlets(fleet, checks, clock=clock, log=log)
        self._rate_limits = RateLimits(name=memory.rates_name, config=lambda: fleet.config, clock=clock)
        self._spawner = Spawner(
            entry=options.entry,
            stack_files=stack_files,
            rate_limits=self._rate_limits,
            log_form="json" if options.log_form == "json" else "text",
            rules=rules,
            clock=clock,
            log=log,
        )
        replacer = _replacer(fleet, scaler, clock)
        self._supervisor = supervisor = Supervisor(
            fleet=fleet,
            spawner=self._spawner,
            scaler=scaler,
            history=history,
            rules=rules,
            coroner=Coroner(stack_files=stack_files, memory=MemoryAccount()),
            bereavement=_bereavement(state, quarantine, clock),
            couriers=Couriers(outlet=self._outlets.of),
            checks=checks,
            replacer=replacer,
            chronicle=Chronicle(),
            clock=clock,
        )
        live_settings = LiveSettings(fleet=fleet, load=load, clock=clock)
        observer = Observer(
            fleet=fleet,
            supervisor=supervisor,
            scaler=scaler,
            quarantine=quarantine,
            live_settings=live_settings,
            outlets=self._outlets,
            backlogs=backlogs,
            message_id=id_in,
            clock=clock,
        )
        brokers = BrokerCheck(options.ask or asking(clock), KnownNames(state))
        self._operations = operations = Operations(
            fleet=fleet,
            supervisor=supervisor,
            scaler=scaler,
            observer=observer,
            history=history,
            journal=journal,
            stack_reader=StackReader(stack_files=stack_files, observer=observer, clock=clock),
            replacer=replacer,
            live_settings=live_settings,
            check=brokers.all,
            make_slot=memory.make_slot,
            clock=clock,
            log=log,
        )
        control = config.control
        self._control = ControlServer(
            path=control.socket,
            problem=problems_of(config, "control.socket", unset=shown_path(Path(control.socket))),
            commands=operations,
            log=log,
        )
        self._http = self._http_server(operations) if control.http else None
        self._startup = Startup(
            fleet=fleet,
            supervisor=supervisor,
            spawner=self._spawner,
            brokers=brokers,
            transcript=transcript,
            clock=clock,
            began_at=clock.monotonic(),
        )
        self._narrator = Narrator(
            fleet=fleet, supervisor=supervisor, observer=observer, transcript=transcript, clock=clock
        )

    def _http_server(self, operations: Operations) -> "HttpServer":
        from sylph_mp.master.http_port import http_port  # noqa: PLC0415  a quarter of a master that needs none of it

        return http_port(
            config=self._config,
            commands=operations,
            history=self._history,
            timeline=self._timeline,
            screen=self._options.screen,
            log=self._log,
        )

    async def run(self, signalled: signals.Queue) -> Stopped:
        """Until a stop is over. Raises SylphError: what was refused, could not be had, or gave up."""
        config = self._config
        last: StoppedMessage | None = None
        async with AsyncExitStack() as stack:
            stack.enter_context(heard_by(self._journal))
            await self._control.start()
            stack.push_async_callback(lambda: self._control.stop(last))
            state_folder.prepare(
                Path(config.control.state), problem=problems_of(config, "control.state", unset="control.state")
            )
            self._spawner.launch()
            stack.callback(self._spawner.close)
            stack.push_async_callback(lambda: self._outlets.close(Deadline.after(LAST_RECEIPTS_S, self._clock)))
            stack.push_async_callback(self._release)
            await self._memory.reserve(self._fleet, self._rate_limits, self._transcript)
            if self._http is not None:
                await self._http.start()
                stack.push_async_callback(self._http.stop)
            try:
                stopped = await self._supervise(signalled)
            except SylphError as error:
                last = StoppedMessage(str(error), error.exit_code)
                raise
            last = StoppedMessage(stopped.sentence, stopped.exit_code)
            self._transcript.stopped(stopped)
        return stopped

    async def _supervise(self, signalled: signals.Queue) -> Stopped:
        supervisor = self._supervisor
        startup = self._help(self._startup.run(), vital=True)
        helpers = [
            startup,
            self._help(self._end_at_stop(startup)),
            self._help(
                signals.obey(
                    signalled, operations=self._operations, supervisor=supervisor, fleet=self._fleet, log=self._log
                ),
                vital=True,
            ),
            self._help(self._watch()),
            self._help(self._rate_limits.run(idle=supervisor.next_pass)),
            self._help(self._backlogs.run()),
            self._help(self._narrator.run()),
        ]
        try:
            return await supervisor.run()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.wait(helpers)

    def _help(self, work: Coroutine[Any, Any, None], *, vital: bool = False) -> asyncio.Task[None]:
        """Run it beside the supervisor, which stops the fleet if something vital fails."""

        def done(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if vital and isinstance(error, Exception):
                self._supervisor.fail(error)
            elif error is not None:
                self._log.exception("bug", f"the master goes on without {task.get_coro()}: {error}", error)

        task = asyncio.create_task(work)
        task.add_done_callback(done)
        return task

    async def _end_at_stop(self, startup: asyncio.Task[None]) -> None:
        await self._supervisor.stopping.wait()
        startup.cancel()

    async def _watch(self) -> None:
        while True:
            setproctitle(f"sylph: master {groups_of(self._fleet.config)} [{self._supervisor.state}]")
            self._look()
            self._watch_transactions()
            await asyncio.sleep(WATCH_S)

    def _watch_transactions(self) -> None:
        for instance, topic in self._checks.topics():
            self._outlets.of(instance).watch(topic)
        for topic, why in self._outlets.watch_failures().items():
            self._log.warn("transactions-unwatched", f"the broker cannot ask about transactions: {why}", topic=topic)

    def _look(self) -> None:
        try:
            self._timeline.record(self._operations.look(), self._history)
        except Exception as error:  # noqa: BLE001 - a bug met by looking must not end the fleet
            self._log.exception("bug", f"looking at the fleet failed: {error}", error, place="look")

    async def _release(self) -> None:
        """Let no consumer and no shared memory be left, however it ended."""
        self._fleet.kill("killed with the master")
        for child in self._fleet.children().values():
            await child.gone()
        for slot in self._fleet:
            slot.release()
        self._rate_limits.release()


def _scaler(fleet: Fleet, backlogs: Backlogs, options: Options, clock: Clock, log: Log) -> Scaler:
    probe = options.host or Host()
    return Scaler(fleet=fleet, probe=probe, backlogs=backlogs, pace=options.pace, clock=clock, log=log)


def _replacer(fleet: Fleet, scaler: Scaler, clock: Clock) -> Replacer:
    chronicle, lots = Chronicle(), Random()  # noqa: S311 - jitter is no secret
    recycler = Recycler(fleet=fleet, host=lambda: scaler.host, random=lots, chronicle=chronicle, clock=clock)
    stand_in = StandIn(fleet=fleet, lacks_room=recycler.lacks_room, chronicle=chronicle)
    return Replacer(fleet=fleet, recycler=recycler, stand_in=stand_in, chronicle=chronicle, clock=clock)


def _bereavement(state: Path, quarantine: Quarantine, clock: Clock) -> Bereavement:
    return Bereavement(
        quarantine=quarantine,
        strikes=Strikes(state),
        reports=CrashReports(state, clock),
        message_in=message_in,
        clock=clock,
    )


def _outlets(fleet: Fleet, checks: TransactionChecks, *, clock: Clock, log: Log) -> Outlets:
    return Outlets(
        configured=lambda: fleet.config.instances,
        make=lambda instance: Publisher(
            instance, _patient(fleet.config.producers), clock=clock, on_orphan=answer_by(checks.ask, log)
        ),
        clock=clock,
    )


def _patient(producers: Producers) -> Producers:
    """For the outputs of handlers: the delivery waits, and its handler would send it once more at the worst."""
    return msgspec.structs.replace(producers, retries=1 << 30, give_up_s=math.inf, duplicates=True)


def asking(clock: Clock) -> Ask:
    """How RocketMQ is asked, for a BrokerCheck."""

    async def ask(instance: Instance, topics: Sequence[str], groups: Sequence[str]) -> list[Answer]:
        findings = await probe(instance, topics, groups, clock)
        return [_answer("topic", found) for found in findings.topics] + [
            _answer("group", found) for found in findings.groups
        ]

    return ask


def _answer(kind: Literal["topic", "group"], found: Finding) -> Answer:
    return Answer(kind=kind, name=found.name, state=found.state, reason=str(found.error or ""))
