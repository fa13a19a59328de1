"""Makes the fleet what it is wanted to be: a control pass, several times a second and whenever something happened.

Runs on the master's loop thread, the only place where consumers are started, judged and buried.
"""

import asyncio
import contextlib
from typing import Literal

from sylph_mp import logs
from sylph_mp.clock import Clock
from sylph_mp.control.history import History
from sylph_mp.control.quantities import duration, setting, spaced
from sylph_mp.errors import BrokerRefusedError, ConfigError, FleetGaveUpError, ResourceError, SylphError
from sylph_mp.lifecycle import Deadline
from sylph_mp.master import health, restarts
from sylph_mp.master.bereavement import Bereavement
from sylph_mp.master.child import Child
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.coroner import Coroner
from sylph_mp.master.courier import Couriers
from sylph_mp.master.exit_words import refusal_in_words
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.fork_client import ForkError
from sylph_mp.master.replacer import Replacer
from sylph_mp.master.scaler import Scaler
from sylph_mp.master.shutdown import Shutdown, Stopped
from sylph_mp.master.slot import Slot
from sylph_mp.master.spawner import Spawner
from sylph_mp.master.topic_loads import TopicLoads
from sylph_mp.master.transaction_checks import TransactionChecks
from sylph_mp.pipe import Adopted, News, OutputsPut, Ready, Refused, Report, Stuck, TransactionChecked

#: Between two passes when nothing happens.
PASS_S = 0.2
#: A pass that comes this much late: the host or the master stood still.
STANDSTILL_S = 2.0
NOTHING_ADOPTED = Adopted(run=0, settled=0, dropped=0)


class Supervisor:
    def __init__(
        self,
        *,
        fleet: Fleet,
        spawner: Spawner,
        scaler: Scaler,
        history: History,
        rules: restarts.Rules,
        coroner: Coroner,
        bereavement: Bereavement,
        couriers: Couriers,
        checks: TransactionChecks,
        replacer: Replacer,
        chronicle: Chronicle,
        clock: Clock,
    ) -> None:
        self.state: Literal["starting", "running", "stopping"] = "starting"
        self.shutdown: Shutdown | None = None
        self.happened = asyncio.Event()
        """Set it to have a pass at once."""
        self.stopping = asyncio.Event()
        self._passed = asyncio.Event()
        self._failure: Exception | None = None
        self._fleet = fleet
        self._spawner = spawner
        self._scaler = scaler
        self._history = history
        self._rules = rules
        self._coroner = coroner
        self._bereavement = bereavement
        self._couriers = couriers
        self._checks = checks
        self._replacer = replacer
        self._chronicle = chronicle
        self._clock = clock
        self._loads = TopicLoads()
        self._looked_at = clock.monotonic()
        self._watching_since = self._looked_at

    async def run(self) -> Stopped:
        """Until a stop has come to its end. Raises what `fail` was given, when all consumers are gone."""
        while self.shutdown is None or self._fleet.children():
            await self.control_pass()
            self._passed.set()
            self._passed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PASS_S):
                    await self.happened.wait()
            self.happened.clear()
        if self._failure is not None:
            raise self._failure
        return Stopped(took_s=self._clock.monotonic() - self.shutdown.began_at, tally=self.shutdown.tally)

    def started(self) -> None:
        """The start is over."""
        if self.state == "starting":
            self.state = "running"

    @property
    def failed(self) -> bool:
        """Whether it stops because of an error."""
        return self._failure is not None

    async def next_pass(self) -> None:
        """Wait until the control pass that goes on, or the next one, is over."""
        await self._passed.wait()

    def stop(self) -> None:
        """Begin to drain; asked again, kill what is left."""
        if self.shutdown is None:
            self.state = "stopping"
            self.stopping.set()
            self._replacer.abandon()
            self.shutdown = Shutdown(drain_s=self._fleet.config.consumers.drain_s, clock=self._clock)
            self._fleet.stop(self.shutdown.deadline)
        else:
            self._fleet.kill("killed on request")
        self.happened.set()

    def fail(self, error: Exception) -> None:
        """Stop because of an error, of which the first counts: `run` raises it in the end."""
        if self._failure is None:
            self._failure = error
        if self.shutdown is None:
            self.stop()

    async def control_pass(self) -> None:
        now = self._clock.monotonic()
        self._notice_standstill(now)
        self._spawner.replace_lost(now)
        self._bury_the_dead(now)
        self._kill_overdue()
        self._kill_hanging(now)
        self._scale(now)
        self._drain_unwanted()
        self._replacer.step()
        self._recycle_who_is_due(now)
        await self._fill_wanted()
        await self._release_unfilled()
        self._carry_outputs()
        self._weigh(now)
        self._fleet.assign()
        logs.set_level(self._fleet.config.log.level)
        self._give_up_if_all_did()

    def _notice_standstill(self, now: float) -> None:
        if now - self._looked_at > STANDSTILL_S:
            self._watching_since = now
        self._looked_at = now

    def _bury_the_dead(self, now: float) -> None:
        self._coroner.look(now)
        for slot in self._fleet:
            if slot.child is not None and slot.child.ended:
                child = slot.vacate()
                self._history.ended(slot.number, slot.final_counters(child.pid), at=now)
                if child.deadline is None:
                    self._mourn(slot, child, now)
                else:
                    self._take_leave(slot, child)

    def _take_leave(self, slot: Slot, child: Child) -> None:
        """It ended because it was told to."""
        self._chronicle.drained(slot, child)
        if self.shutdown is not None:
            self.shutdown.count(child, slot.held)
            slot.clear()

    def _mourn(self, slot: Slot, child: Child, now: float) -> None:
        """It ended without being asked. What it held stays where it is, for its successor."""
        if child.refused is not None and self.state == "starting":
            self.fail(_refusal(child.refused))
            return
        findings = self._coroner.examine(slot, child, now)
        slot.last_exit = findings.exit
        report = self._bereavement.mourn(slot, child, findings, now)
        self._chronicle.crashed(slot, child, crash=report.number, now=now)
        if child.stuck is not None:
            self._chronicle.decided(slot, slot.replace_stuck(now), now=now)
        else:
            self._decide_on_restart(slot, now)

    def _decide_on_restart(self, slot: Slot, now: float) -> None:
        self._chronicle.decided(slot, slot.die(now, rules=self._rules), now=now)

    def _kill_overdue(self) -> None:
        for number, child in self._fleet.children().items():
            if child.deadline is not None and child.deadline.passed(self._clock) and child.killed_for is None:
                child.kill("killed at its deadline")
                if self.shutdown is not None:
                    self.shutdown.killed.append(number)

    def _kill_hanging(self, now: float) -> None:
        for slot in self._fleet:
            child = slot.child
            if child is None or child.deadline is not None or child.killed_for is not None:
                continue
            if child.stuck is not None:
                self._kill_stuck(slot, child, child.stuck)
                continue
            signs = health.Signs(
                forked_at=child.forked_at,
                booted_at=child.booted_at,
                beat_at=slot.beat_at(),
                calls=slot.calls() if slot.hung else (),
            )
            verdict = health.judge(
                signs, now, boot_s=child.config.consumers.boot_s, watching_since=self._watching_since
            )
            self._act_on(verdict, slot, child)

    def _kill_stuck(self, slot: Slot, child: Child, stuck: Stuck) -> None:
        where = "async call" if stuck.thread is None else f"thread {stuck.thread}"
        ran, limit = spaced(duration(stuck.ran_s)), spaced(setting(child.config.topics[stuck.topic].time_limit_s))
        child.kill(f"killed by the master: {where} stuck, {stuck.handler} ran {ran}, limit {limit}")
        self._chronicle.killed(slot, child)

    def _act_on(self, verdict: health.Verdict, slot: Slot, child: Child) -> None:
        match verdict:
            case health.Alive():
                slot.hung = False
            case health.Hung(silent_s=silent_s):
                if not slot.hung:
                    self._chronicle.hung(slot, child, silent_s=silent_s)
                    child.ask_for_stacks()
                slot.hung = True
            case health.Kill(cause=cause, after_s=after_s):
                what = "hung" if cause == "beat" else "app not loaded after"
                child.kill(f"killed by the master: {what} {after_s:.0f} s")
                self._chronicle.killed(slot, child)

    def _scale(self, now: float) -> None:
        if self.state != "running":
            return
        try:
            self._scaler.step(now, replacing=self._replacer.replacing)
        except Exception as error:  # noqa: BLE001 - a bug in what is only measured must not end the supervision
            self._chronicle.not_scaled(error)

    def _weigh(self, now: float) -> None:
        topics = self._fleet.config.topics
        weights = self._loads.weights({name: topic.shards for name, topic in topics.items()}, now)
        if weights is not None:
            self._chronicle.moved(self._fleet.weigh(weights))

    def _drain_unwanted(self) -> None:
        for slot in self._fleet:
            if slot.child is not None and not slot.needed and slot.child.deadline is None:
                slot.child.stop(self._drain_deadline())

    def _drain_deadline(self) -> Deadline:
        if self.shutdown is not None:
            return self.shutdown.deadline
        return Deadline.after(self._fleet.config.consumers.drain_s, self._clock)

    def _recycle_who_is_due(self, now: float) -> None:
        if self.state == "running":
            self._replacer.keep_limits(now)

    async def _fill_wanted(self) -> None:
        for slot in self._fleet:
            if self._spawner.ready and slot.is_due(self._clock.monotonic()):
                await self._start(slot)

    async def _release_unfilled(self) -> None:
        """What lies in a slot that gets no consumer: one is started to settle and hand back, once."""
        for slot in self._fleet:
            if slot.child is not None or (slot.needed and not slot.gave_up) or self.shutdown is not None:
                continue
            if not slot.held:
                slot.released = False
            elif slot.released:
                self._chronicle.left(slot)
                slot.clear()
            elif self._spawner.ready:
                slot.released = True
                await self._start(slot)
                if slot.child is not None:
                    slot.child.stop(Deadline.after(self._fleet.config.consumers.drain_s, self._clock))

    def _carry_outputs(self) -> None:
        """A consumer says when it has put some; of those of a dead one, or of a word that was lost, nobody says so."""
        for slot in self._fleet:
            self._couriers.look(slot)

    async def _start(self, slot: Slot) -> None:
        def changed(child: Child, news: News | None) -> None:
            if isinstance(news, Report):
                self._remember(slot, news)
                return
            if isinstance(news, OutputsPut):
                self._couriers.look(slot)
                return
            if isinstance(news, TransactionChecked):
                self._checks.answered(news)
                return
            if isinstance(news, Adopted):
                self._note_adoption(slot, child, news)
            if isinstance(news, Ready):
                self._chronicle.started(slot, child)
            self.happened.set()

        try:
            segment = slot.reserve()
            slot.occupy(await self._spawner.spawn(slot.number, slot.config, segment.name, changed=changed))
        except (ForkError, ResourceError) as error:
            slot.last_exit = f"not started: {error}"
            self._chronicle.not_started(slot)
            self._decide_on_restart(slot, self._clock.monotonic())

    def _note_adoption(self, slot: Slot, child: Child, news: Adopted) -> None:
        report = self._bereavement.adopted(slot, child, news, self._clock.monotonic())
        if news != NOTHING_ADOPTED:
            self._chronicle.adopted(slot, child, news, report)

    def _remember(self, slot: Slot, report: Report) -> None:
        try:
            self._history.report(slot.number, report)
            self._loads.report(slot.number, report)
        except Exception as error:  # noqa: BLE001 - a bug in what is only looked at must not end the hearing
            self._chronicle.report_lost(slot, error)

    def _give_up_if_all_did(self) -> None:
        members = self._fleet.members
        if members and all(slot.gave_up for slot in members):
            self.fail(FleetGaveUpError(f"every slot is in a crash loop; the last: {members[-1].last_exit}"))


def _refusal(refused: Refused) -> SylphError:
    """The error with which a fleet that was starting ends."""
    kinds = {kind.exit_code: kind for kind in (ConfigError, BrokerRefusedError, ResourceError)}
    return kinds.get(refused.exit_code, SylphError)(refusal_in_words(refused), problems=refused.problems)
