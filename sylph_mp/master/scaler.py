"""Has the autoscaler look once a second and makes the fleet want what it decides, unless somebody holds it.

Stepped by the supervisor's control pass, on the master's loop thread.
"""

from sylph_mp.clock import Clock
from sylph_mp.control.autoscale_status import AutoscaleStatus
from sylph_mp.logs import Log
from sylph_mp.master.autoscaler import Autoscaler, Decision, Pace
from sylph_mp.master.backlogs import Backlogs
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.host import HostProbe
from sylph_mp.master.scaling_history import ScalingHistory, Size
from sylph_mp.master.scaling_samples import TopicSignals, bounds_of, sample
from sylph_mp.master.scaling_signals import HostSignal
from sylph_mp.master.scaling_view import Hold, View, show


class Scaler:
    def __init__(
        self, *, fleet: Fleet, probe: HostProbe, backlogs: Backlogs, pace: Pace, clock: Clock, log: Log
    ) -> None:
        self.hold: Hold | None = None
        """Until somebody releases it, the fleet is as large as this says."""
        self._fleet = fleet
        self._probe = probe
        self._backlogs = backlogs
        self._pace = pace
        self._clock = clock
        self._log = log
        self._autoscaler = Autoscaler(pace=pace)
        self._history = ScalingHistory()
        self._topics = TopicSignals()
        self._decision: Decision | None = None
        self._host: HostSignal | None = None
        self._backlog: int | None = None
        self._next_look_at = clock.monotonic()
        self._changed_at: float | None = None
        self._began_at = clock.monotonic()

    @property
    def host(self) -> HostSignal | None:
        """As it was last seen."""
        return self._host

    def step(self, now: float, *, replacing: bool) -> None:
        """`replacing`: a rollout goes on, and nothing is to be decided."""
        if now < self._next_look_at:
            return
        self._next_look_at = now + self._pace.look_s
        fleet = self._fleet
        self._host = self._probe.look(now)
        signal = sample(
            fleet, topics=self._topics, host=self._host, backlogs=self._backlogs, now=now, replacing=replacing
        )
        self._backlog = sum(each.messages for each in signal.backlogs) if signal.backlogs else None
        self._decision = decision = self._autoscaler.decide(signal, bounds_of(fleet.config))
        before, wish = Size(fleet.wanted, fleet.threads), Size(decision.consumers, decision.threads)
        if self.hold is not None and wish != before:
            self._refuse(before, f"hold, {decision.action}", f"held by {self.hold.by}: {decision.why}")
        elif wish != before:
            self._change(wish, decision.why)
            self._tell(before, wish, decision.why)
        elif decision.action == "refuse":
            self._refuse(before, decision.limit, f"refused: {decision.why}")

    def set(self, consumers: int, *, by: str) -> None:
        """Want so many, and hold that."""
        self.hold = Hold(consumers=consumers, by=by, since_wall=self._clock.time())
        self._change(Size(consumers, self._fleet.threads), f"{by} holds it so")

    def release(self, *, by: str) -> None:
        """Let it decide again, from where the fleet stands."""
        self.hold = None
        consumers = self._fleet.config.consumers.processes.within(self._fleet.wanted)
        self._change(Size(consumers, self._fleet.threads), f"{by} released it")

    def status(self, *, stopping: bool = False) -> AutoscaleStatus:
        """`stopping`: the fleet is, and nothing is decided any more."""
        now, fleet = self._clock.monotonic(), self._fleet
        since = self._changed_at if self._changed_at is not None else self._began_at
        return show(
            View(
                running=sum(slot.child is not None and slot.child.ready_at is not None for slot in fleet.members),
                wanted=fleet.wanted,
                threads=fleet.threads,
                bounds=bounds_of(fleet.config),
                hold=self.hold,
                decision=self._decision,
                host=self._host,
                backlog=self._backlog,
                lines=self._history.lines,
                since_s=now - since,
                changed=self._changed_at is not None,
                next_look_s=max(0.0, self._next_look_at - now),
                wall=self._clock.time(),
                stopping=stopping,
            )
        )

    def _change(self, after: Size, why: str) -> None:
        fleet = self._fleet
        before = Size(fleet.wanted, fleet.threads)
        fleet.scale(after.consumers)
        fleet.threads = after.threads
        if after != before:
            self._changed_at = self._clock.monotonic()
        self._history.changed(before, after, why, wall=self._clock.time())

    def _tell(self, before: Size, after: Size, why: str) -> None:
        fields = {"from": before.consumers, "to": after.consumers}
        if after.threads != before.threads:
            fields["threads"] = after.threads
        self._log.info("scale", why, **fields)

    def _refuse(self, before: Size, limit: str, why: str) -> None:
        if self._history.refused(before, limit, why, wall=self._clock.time()):
            self._log.info("scale", why, limit=limit)
