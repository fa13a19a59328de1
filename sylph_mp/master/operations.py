"""What the master does for a command or a signal: checks that it makes sense, then changes what is wanted.

Called on the master's loop thread; the supervisor's next pass makes it so.
"""

from collections.abc import Awaitable, Callable

from sylph_mp.clock import Clock
from sylph_mp.config.nearest import nearest
from sylph_mp.config.schema import Config
from sylph_mp.control.history import History
from sylph_mp.control.observation import Observation, QuietMark
from sylph_mp.control.protocol import DeniedError
from sylph_mp.control.snapshot import snapshot
from sylph_mp.control.status import Snapshot
from sylph_mp.control.symptoms import symptoms
from sylph_mp.control.target import Fleet as WholeFleet
from sylph_mp.control.target import Slot as SlotTarget
from sylph_mp.control.target import Target, Topic
from sylph_mp.control.watch import Watch
from sylph_mp.errors import BrokerRefusedError, ConfigError, SylphError
from sylph_mp.lifecycle import Deadline
from sylph_mp.logs import Log
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.observer import Observer
from sylph_mp.master.rollout import Rollout
from sylph_mp.master.slot import Slot
from sylph_mp.master.supervisor import Supervisor


class Operations:
    """`control.protocol.Commands`, carried out."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        supervisor: Supervisor,
        observer: Observer,
        history: History,
        load: Callable[[], Config],
        check: Callable[[Config], Awaitable[None]],
        make_slot: Callable[[int, Config], Slot],
        clock: Clock,
        log: Log,
    ) -> None:
        """`load` reads the configuration anew and raises ConfigError; `check` asks the brokers about it and raises
        BrokerRefusedError for what they refuse for good."""
        self._fleet = fleet
        self._supervisor = supervisor
        self._observer = observer
        self._history = history
        self._watch = Watch()
        self._load = load
        self._check = check
        self._make_slot = make_slot
        self._clock = clock
        self._log = log

    async def status(self) -> Snapshot:
        observation = self.look()
        return snapshot(observation, self._history, self._watch.problems)

    def look(self) -> Observation:
        """Observe, and remember what is wrong; due once a second even if nobody asks."""
        observation = self._observer.observe()
        self._watch.look(symptoms(observation, self._history), observation.now)
        return observation

    async def scale(self, wanted: int) -> str:
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
        self._fleet.scale(wanted)
        return self._say("scale", f"{before} to {wanted} consumers", before=before, wanted=wanted)

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
                slot.forgive()
                slot.recycle(self._drain_deadline())
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
        self._deny_while_rolling_out()
        try:
            config = self._load()
            await self._check(config)
        except (ConfigError, BrokerRefusedError) as error:
            raise DeniedError(
                f"{_first_problem(error)}; the fleet goes on as it was", next="sylph config check"
            ) from error
        self._deny_while_stopping()
        self._roll_out(config)
        return self._say("reload", f"{config.path} is read; {self._fleet.wanted} consumers are replaced one by one")

    def _roll_out(self, config: Config) -> None:
        """Replace all consumers, and go on with `config`."""
        self._deny_while_rolling_out()
        fleet, before = self._fleet, self._fleet.config
        for number in range(1, config.consumers.processes.max + 1):
            fleet.slots.setdefault(number, self._make_slot(number, config))
        fleet.config = config
        processes = config.consumers.processes
        fleet.scale(min(max(fleet.wanted, processes.min), processes.max))
        self._supervisor.rollout = Rollout(sorted(fleet.slots), config=config, before=before, clock=self._clock)

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

    def _drain_deadline(self) -> Deadline:
        return Deadline.after(self._fleet.config.consumers.drain_s, self._clock)

    def _deny_while_stopping(self) -> None:
        if self._supervisor.state == "stopping":
            raise DeniedError("the fleet is stopping", next="sylph status")

    def _deny_while_rolling_out(self) -> None:
        if self._supervisor.rollout is not None:
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


def _first_problem(error: SylphError) -> str:
    errors = [problem for problem in error.problems if not problem.warning]
    if not errors:
        return str(error)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0].place}: {errors[0].what}{more}"
