"""Wires a master: builds everything in start order, runs it, and takes it down in reverse.

The only module of the master that names RocketMQ.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

from setproctitle import setproctitle

from sylph_mp.api import Message
from sylph_mp.clock import Clock, SystemClock
from sylph_mp.config.file import problems_of, shown_path
from sylph_mp.config.schema import Config, Instance
from sylph_mp.control.history import History
from sylph_mp.control.http_server import HttpServer
from sylph_mp.control.protocol import Stopped as StoppedMessage
from sylph_mp.control.quantities import size, spaced
from sylph_mp.control.server import ControlServer
from sylph_mp.errors import BrokerError, SylphError
from sylph_mp.logs import Log
from sylph_mp.master import signals, state_folder
from sylph_mp.master.bereavement import Bereavement
from sylph_mp.master.broker_check import Answer, Ask, BrokerCheck
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.crash_reports import CrashReports
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.narrator import Narrator
from sylph_mp.master.observer import Observer
from sylph_mp.master.operations import Operations
from sylph_mp.master.options import Options
from sylph_mp.master.quarantine import Quarantine
from sylph_mp.master.restarts import Rules
from sylph_mp.master.shutdown import Stopped
from sylph_mp.master.slot import Slot, geometry_of
from sylph_mp.master.spawner import Spawner
from sylph_mp.master.stack_files import StackFiles
from sylph_mp.master.startup import Startup
from sylph_mp.master.strikes import Strikes
from sylph_mp.master.supervisor import Supervisor
from sylph_mp.master.transcript import Transcript, groups_of, step
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.rocketmq.official_client import import_official_client
from sylph_mp.rocketmq.probe import Finding, probe
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import (
    Segment,
    available_bytes,
    clear_left_over,
    needed_bytes,
    require,
    segment_name,
    segment_prefix,
)

#: The symptoms are looked at so often even if nobody asks, for their times to be right.
WATCH_S = 1.0


def prepare_process() -> None:
    """Undo what importing this module did to logging; to be called before logging is configured."""
    import_official_client()


class Master:
    """All parts of one master; `run` once."""

    def __init__(
        self, config: Config, *, load: Callable[[], Config], transcript: Transcript, options: Options, log: Log
    ) -> None:
        """`load` reads the configuration anew."""
        clock = SystemClock()
        self._config = config
        self._transcript = transcript
        self._options = options
        self._clock = clock
        self._prefix = segment_prefix(config.control.socket)
        self._fleet = fleet = Fleet(
            [self._make_slot(number, config) for number in range(1, config.consumers.processes.max + 1)], config=config
        )
        fleet.scale(config.consumers.processes.min)
        history, rules = History(), Rules()
        state = Path(config.control.state)
        stack_files, quarantine = StackFiles(state), Quarantine(state, clock)
        bereavement = Bereavement(
            quarantine=quarantine,
            strikes=Strikes(state),
            reports=CrashReports(state, clock),
            message_in=message_in,
            clock=clock,
        )
        self._spawner = Spawner(
            entry=options.entry,
            stack_files=stack_files,
            log_form="json" if options.log_form == "json" else "text",
            log_level=options.log_level,
            rules=rules,
            clock=clock,
            log=log,
        )
        self._supervisor = supervisor = Supervisor(
            fleet=fleet,
            spawner=self._spawner,
            history=history,
            rules=rules,
            bereavement=bereavement,
            stack_files=stack_files,
            chronicle=Chronicle(),
            clock=clock,
        )
        observer = Observer(
            fleet=fleet, supervisor=supervisor, quarantine=quarantine, message_id=message_id, clock=clock
        )
        brokers = BrokerCheck(options.ask or asking(clock))
        self._operations = operations = Operations(
            fleet=fleet,
            supervisor=supervisor,
            observer=observer,
            history=history,
            load=load,
            check=brokers.all,
            make_slot=self._make_slot,
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
        self._http = HttpServer(
            address=control.http,
            problem=problems_of(config, "control.http", unset="control.http"),
            look=operations.status,
            log=log,
        )
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
        self._log = log

    async def run(self, signalled: signals.Queue) -> Stopped:
        """Until a stop is over. Raises SylphError: what was refused, could not be had, or gave up."""
        config = self._config
        last: StoppedMessage | None = None
        async with AsyncExitStack() as stack:
            await self._control.start()
            stack.push_async_callback(lambda: self._control.stop(last))
            state_folder.prepare(
                Path(config.control.state), problem=problems_of(config, "control.state", unset="control.state")
            )
            self._spawner.launch()
            stack.callback(self._spawner.close)
            stack.push_async_callback(self._release)
            await self._reserve()
            if config.control.http:
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

    async def _reserve(self) -> None:
        """All slots' memory at once, so that it cannot run out later."""
        config, slots = self._config, list(self._fleet)
        async with step(self._transcript, "memory", clock=self._clock, waiting="reserving shared memory") as memory:
            for name in clear_left_over(self._prefix):
                self._log.warn("left-over", f"shared memory {name} of a master that was killed is removed")
            each = needed_bytes(geometry_of(config))
            there = available_bytes()
            place = config.places.get("consumers.buffer", "")
            require(each * len(slots), len(slots), buffer=config.consumers.buffer, place=place)
            for slot in slots:
                slot.reserve()
            total = spaced(size(each * len(slots)))
            memory.text = (
                f"{len(slots)} slots x {spaced(size(each))} = {total} of {spaced(size(there))} in /dev/shm"
                if len(slots) > 1
                else f"1 slot of {total} of {spaced(size(there))} in /dev/shm"
            )

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
            await asyncio.sleep(WATCH_S)

    def _look(self) -> None:
        try:
            self._operations.look()
        except Exception as error:  # noqa: BLE001 - a bug met by looking must not end the fleet
            self._log.exception("bug", f"looking at the fleet failed: {error}", error, place="look")

    async def _release(self) -> None:
        """Let no consumer and no shared memory be left, however it ended."""
        self._fleet.kill("killed with the master")
        for child in self._fleet.children().values():
            await child.gone()
        for slot in self._fleet:
            slot.release()

    def _make_slot(self, number: int, config: Config) -> Slot:
        return Slot(number, config=config, make=self._make_segment, now=self._clock.monotonic())

    def _make_segment(self, slot: int, geometry: Geometry) -> Segment:
        name = segment_name(self._prefix, slot)
        return Segment.create(name, slot=slot, geometry=geometry, master_pid=os.getpid())


def message_in(frame: bytes, attempt: int) -> Message | None:
    """The message in a received frame; None if there is none, or its body is corrupt."""
    try:
        return Delivery.parse(frame).message(attempt)
    except BrokerError:
        return None


def message_id(frame: bytes) -> str:
    """The id in a received frame; "" if it is none, as while a consumer replaces it."""
    try:
        return Delivery.parse(frame).id
    except BrokerError:
        return ""


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
