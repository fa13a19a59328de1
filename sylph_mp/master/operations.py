"""What the master does for a command or a signal: checks that it makes sense, then changes what is wanted.

Called on the master's loop thread; the supervisor's next pass makes it so.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

from sylph_mp.clock import Clock
from sylph_mp.config.nearest import nearest
from sylph_mp.config.outside_values import OPTION
from sylph_mp.config.schema import Config
from sylph_mp.control.courses import Courses
from sylph_mp.control.event import Event
from sylph_mp.control.history import History
from sylph_mp.control.observation import Observation, QuietMark
from sylph_mp.control.protocol import DeniedError
from sylph_mp.control.snapshot import snapshot
from sylph_mp.control.stacks import Stacks
from sylph_mp.control.status import Snapshot
from sylph_mp.control.symptoms import symptoms
from sylph_mp.control.target import Fleet as WholeFleet
from sylph_mp.control.target import Slot as SlotTarget
from sylph_mp.control.target import Target, Topic
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.control.watch import Watch
from sylph_mp.errors import BrokerRefusedError, ConfigError, SylphError
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.journal import Journal
from sylph_mp.master.live_settings import LiveSettings
from sylph_mp.master.observer import Observer
from sylph_mp.master.replacer import Replacer
from sylph_mp.master.scaler import Scaler
from sylph_mp.master.scaling_samples import bounds_of
from sylph_mp.master.slot import Slot
from sylph_mp.master.stack_reader import StackReader
from sylph_mp.master.supervisor import Supervisor


class Operations:
    """`control.protocol.Commands`, carried out."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        supervisor: Supervisor,
        scaler: Scaler,
        observer: Observer,
        history: History,
        journal: Journal,
        stack_reader: StackReader,
        replacer: Replacer,
        live_settings: LiveSettings,
        check: Callable[[Config], Awaitable[None]],
        make_slot: Callable[[int, Config], Slot],
        clock: Clock,
        log: Log,
    ) -> None:
        """`check` asks the brokers about a configuration; raises BrokerRefusedError for what they refuse for good."""
        self._fleet = fleet
        self._supervisor = supervisor
        self._scaler = scaler
        self._observer = observer
        self._history = history
        self._journal = journal
        self._stack_reader = stack_reader
        self._replacer = replacer
        self._watch = Watch()
        self._courses = Courses()
        self._live_settings = live_settings
        self._check = check
        self._make_slot = make_slot
        self._clock = clock
        self._log = log

    async def status(self) -> Snapshot:
        observation = self.look()
        return snapshot(observation, self._history, self._watch.problems, courses=self._courses)

    def events(self, after: int) -> tuple[Event, ...]:
        return self._journal.after(after)

    async def stacks(self, slot: int | None) -> Stacks:
        slots = list(self._fleet) if slot is None else [self._slot(SlotTarget(slot))]
        if all(each.child is None for each in slots):
            what = "the fleet" if slot is None else f"slot {slot}"
            raise DeniedError(f"{what} has no consumer", next="sylph status")
        return Stacks(at=rfc3339(self._clock.time()), processes=await self._stack_reader.read(slots))

    def look(self) -> Observation:
        """Observe, and remember what is wrong and how topics fare; due once a second even if nobody asks."""
        observation = self._observer.observe()
        self._watch.look(symptoms(observation, self._history), observation.now)
        self._courses.record(observation, self._history)
        return observation

    async def scale(self, wanted: int, by: str) -> str:
        self._deny_while_stopping()
        most = self._fleet.config.consumers.processes.max
        if wanted < 1:
            raise DeniedError("a fleet has 1 consumer at least", next="sylph quiet fleet")
        if wanted > most:
            place = self._fleet.config.places.get("consumers.processes", "consumers.processes")
            raise DeniedError(
                f"{wanted} consumers are more than processes.max = {most} ({place}); raise it there, then reload",
                next="sylph reload",
            )
        before = self._fleet.wanted
        self._scaler.set(wanted, by=by)
        over = self._overridden()
        text = f"{before} to {wanted} consumers, {over}until sylph autoscale release"
        return self._say("scale", text, by=by, **{"from": before, "to": wanted})

    async def autoscale(self, action: Literal["hold", "release"], by: str) -> str:
        self._deny_while_stopping()
        if action == "hold":
            self._scaler.set(self._fleet.wanted, by=by)
            wanted = self._fleet.wanted
            consumers = f"{wanted} consumer{'s' if wanted != 1 else ''}"
            text = f"{consumers}, {self._overridden()}until sylph autoscale release"
            return self._say("hold", text, by=by)
        if self._scaler.hold is None:
            raise DeniedError("nobody holds the fleet", next="sylph autoscale")
        self._scaler.release(by=by)
        return self._say("release", f"scales by itself again, from {self._fleet.wanted} consumers", by=by)

    def _overridden(self) -> str:
        """What a number that somebody said replaces."""
        processes = self._fleet.config.consumers.processes
        if processes.min == processes.max:
            return ""
        return f"in place of {processes.min} to {processes.max} ({bounds_of(self._fleet.config).place}), "

    async def quiet(self, target: Target, by: str) -> str:
        self._deny_while_stopping()
        mark = QuietMark(since_wall=self._clock.time(), by=by)
        match target:
            case WholeFleet():
                self._fleet.quiet = mark
            case SlotTarget():
                self._slot(target).quiet = mark
            case Topic(name):
                self._known(name)
                self._fleet.quiet_topics[name] = mark
        return self._say("quiet", f"{_name(target)} takes no new deliveries; next: sylph start {target}", by=by)

    async def start(self, target: Target, by: str) -> str:
        self._deny_while_stopping()
        match target:
            case WholeFleet():
                self._fleet.quiet = None
                self._fleet.quiet_topics.clear()
                for slot in self._fleet:
                    self._start_slot(slot)
            case SlotTarget():
                self._start_slot(self._slot(target))
            case Topic(name):
                self._known(name)
                self._deny_while_all_quiet()
                if self._fleet.quiet_topics.pop(name, None) is None:
                    raise DeniedError(f"{name} is not quiet")
        return self._say("start", f"{_name(target)} takes deliveries again", by=by)

    async def recycle(self, target: Target) -> str:
        self._deny_while_stopping()
        match target:
            case WholeFleet():
                self._roll_out(self._fleet.config)
            case SlotTarget():
                slot = self._slot(target)
                self._deny_while_rolling_out()
                self._replacer.recycle(slot.number)
            case Topic(name):
                raise DeniedError(f"{name} is a topic, and consumers run all topics", next="sylph recycle fleet")
        return self._say("recycle", f"{_name(target)} drains and is replaced")

    async def kill(self, target: Target) -> str:
        match target:
            case WholeFleet():
                killed = [slot for slot in self._fleet if slot.child is not None]
            case SlotTarget():
                killed = [self._slot(target)]
            case Topic(name):
                raise DeniedError(f"{name} is a topic, and consumers run all topics", next="sylph kill fleet")
        for slot in killed:
            if slot.child is None:
                raise DeniedError(f"slot {slot.number} has no consumer", next="sylph status")
            slot.child.stop(Deadline.after(0.0, self._clock))
            slot.child.kill("killed on request")
        return self._say("kill", f"{_name(target)} killed; its successor takes over what was in flight")

    async def stop(self) -> str:
        self._deny_while_stopping()
        self._supervisor.stop()
        drain_s = self._fleet.config.consumers.drain_s
        return self._say("stop", f"no new deliveries, {drain_s:.0f} s to finish")

    async def reload(self) -> str:
        self._deny_while_stopping()
        self._deny_while_replacing()
        try:
            config = self._live_settings.reloaded()
            await self._check(config)
        except (ConfigError, BrokerRefusedError) as error:
            raise DeniedError(
                f"{_first_problem(error)}; the fleet goes on as it was", next="sylph config check"
            ) from error
        self._deny_while_stopping()
        self._roll_out(config)
        return self._say("reload", f"{config.path} is read; {self._fleet.wanted} consumers are replaced one by one")

    async def set(self, key: str, value: str, by: str, *, saved: bool) -> str:
        self._deny_while_stopping()
        self._deny_while_rolling_out()
        if saved:
            self._live_settings.forget(key)
            return self._say("saved", f"{key} = {value} stands in {self._fleet.config.path}", by=by)
        try:
            config = self._live_settings.changed(key, value)
        except ConfigError as error:
            raise _unfit(key, error) from error
        replaced = self._put_in_force(config)
        self._live_settings.mark(key, value, by)
        return self._say("set", f"{key} is {value} now, until the master ends{replaced}", by=by)

    def _put_in_force(self, config: Config) -> str:
        """Go on with `config`, which differs in what holds at once; says what is done for it besides."""
        fleet, consumers = self._fleet, config.consumers
        if any(child.config.consumers.threads.max < consumers.threads.max for child in fleet.children().values()):
            self._roll_out(config)
            return "; consumers are replaced one by one, as their memory has room for fewer threads"
        fleet.config = config
        self._make_room(config)
        fleet.threads = consumers.threads.within(fleet.threads)
        return ""

    def _make_room(self, config: Config) -> None:
        """Slots for all consumers that there may be, and as many of them as there are to be."""
        fleet, processes = self._fleet, config.consumers.processes
        fleet.make_room(processes.max, lambda number: self._make_slot(number, config))
        fleet.scale(processes.within(fleet.wanted))

    def _roll_out(self, config: Config) -> None:
        """Replace all consumers, and go on with `config`."""
        self._deny_while_replacing()
        self._make_room(config)
        self._replacer.roll_out(config)

    def _start_slot(self, slot: Slot) -> None:
        slot.quiet = None
        if slot.gave_up:
            slot.forgive()

    def _slot(self, target: SlotTarget) -> Slot:
        slot = self._fleet.slots.get(target.number)
        if slot is None or not slot.wanted:
            raise DeniedError(f"slot {target.number} is not in use", next="sylph status")
        return slot

    def _known(self, topic: str) -> None:
        topics = self._fleet.config.topics
        if topic not in topics:
            near = nearest(topic, topics)
            hint = f"; nearest: {', '.join(near)}" if near else ""
            raise DeniedError(f"there is no topic {topic} in the configuration{hint}", next="sylph status")

    def _deny_while_stopping(self) -> None:
        if self._supervisor.state == "stopping":
            raise DeniedError("the fleet is stopping", next="sylph status")

    def _deny_while_rolling_out(self) -> None:
        if self._replacer.rolling_out:
            raise DeniedError("a new configuration is being rolled out", next="sylph status")

    def _deny_while_replacing(self) -> None:
        if self._replacer.replacing:
            raise DeniedError("consumers are being replaced already", next="sylph status")

    def _deny_while_all_quiet(self) -> None:
        if self._fleet.quiet is not None:
            raise DeniedError("the whole fleet is quiet", next="sylph start fleet")

    def _say(self, event: str, text: str, **fields: object) -> str:
        self._log.info(event, text, **fields)
        self._supervisor.happened.set()
        return text


def _name(target: Target) -> str:
    return f"slot {target.number}" if isinstance(target, SlotTarget) else str(target)


def _unfit(key: str, error: ConfigError) -> DeniedError:
    """Of the value that was to be set, in the words of this command; or of the file, which is as wrong as before."""
    problem = next((found for found in error.problems if not found.warning), None)
    if problem is None or not problem.place.startswith(OPTION):
        return DeniedError(_first_problem(error), next="sylph config check")
    what = problem.what if key in problem.what else f"{key}: {problem.what}"
    fix = problem.fix or ""
    return DeniedError(what, next=f"sylph set {fix.removeprefix(OPTION)}" if fix.startswith(OPTION) else fix or None)


def _first_problem(error: SylphError) -> str:
    errors = [problem for problem in error.problems if not problem.warning]
    if not errors:
        return str(error)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0].place}: {errors[0].what}{more}"
