"""Does to a fleet and its broker what the plan says, and notes what was done when. On the caller's thread.

A broker is away on a thread of its own, and what was stopped is continued in between: further faults come meanwhile.
"""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.control.protocol import Scale
from sylph_mp.errors import SylphError, TransportError
from sylph_mp.lifecycle import REGISTERS_S
from sylph_mp.rocketmq.probe import probe
from tests.brokers.real import OwnBroker
from tests.chaos.plan import Fault, Kind
from tests.chaos.records import Faults, Kill, Outage, Stop
from tests.scenarios.running_fleet import RunningFleet

TICK_S = 0.02
#: A broker that has just come back is spared for so long: on a busy host it would be away all the time.
SPARED_S = 20.0


class _Stopped(NamedTuple):
    pid: int
    began: float
    until: float


class Injector:
    def __init__(self, fleet: RunningFleet, broker: OwnBroker, topics: Sequence[str]) -> None:
        self.faults = Faults(kills=[], stops=[], outages=[], masters=[], scalings=[])
        self.missed: Counter[Kind] = Counter()
        """Faults whose victim was not there just then."""
        self._fleet = fleet
        self._broker = broker
        self._topics = topics
        self._stopped: list[_Stopped] = []
        self._outage: threading.Thread | None = None

    def run(self, plan: Iterator[Fault], ends_at: float) -> None:
        """Carry out faults until then; whatever they stopped goes on afterwards."""
        try:
            for fault in plan:
                if not self._wait(fault.after_s, ends_at):
                    return
                self._carry_out(fault)
        finally:
            while self._stopped:
                self._wait(TICK_S, float("inf"))
            if self._outage is not None:
                self._outage.join()

    def _wait(self, seconds: float, ends_at: float) -> bool:
        """Continue what is due meanwhile; False when the time is over."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < min(until, ends_at):
            for stopped in [each for each in self._stopped if each.until <= now]:
                self._continue(stopped)
            self._see_to_master()
            time.sleep(TICK_S)
        return now < ends_at

    def _see_to_master(self) -> None:
        """However little a returning broker knows, no master ends by itself."""
        code = self._fleet.process.poll()
        assert code is None, f"the master has ended by itself with {code}\n{self._fleet.log.read_text()[-6000:]}"

    def _carry_out(self, fault: Fault) -> None:
        done = {
            "kill": self._kill,
            "stop": self._stop,
            "scale": self._scale,
            "kill-master": self._kill_master,
            "kill-proxy": self._kill_proxy,
        }[fault.kind](fault)
        if not done:
            self.missed[fault.kind] += 1

    def _kill(self, fault: Fault) -> bool:
        pid = self._pid_in(fault.slot)
        if pid is None:
            return False
        self.faults.kills.append(Kill(pid, time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def _stop(self, fault: Fault) -> bool:
        pid = self._pid_in(fault.slot)
        if pid is None or any(each.pid == pid for each in self._stopped):
            return False
        now = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        self._stopped.append(_Stopped(pid, now, now + fault.lasts_s))
        return True

    def _continue(self, stopped: _Stopped) -> None:
        self._stopped.remove(stopped)
        try:
            os.kill(stopped.pid, signal.SIGCONT)
            killed = False
        except ProcessLookupError:
            killed = True
        self.faults.stops.append(Stop(stopped.pid, stopped.began, time.monotonic(), killed))

    def _scale(self, fault: Fault) -> bool:
        try:
            self._fleet.tell(Scale(wanted=fault.wanted))
        except SylphError:
            return False
        self.faults.scalings.append(time.monotonic())
        return True

    def _kill_master(self, fault: Fault) -> bool:
        self.faults.masters.append(time.monotonic())
        self._fleet.signal(signal.SIGKILL)
        self._fleet.process.wait()
        time.sleep(fault.lasts_s)
        self._fleet.start()
        return True

    def _kill_proxy(self, fault: Fault) -> bool:
        if self._outage is not None and self._outage.is_alive():
            return False
        if self.faults.outages and time.monotonic() < self.faults.outages[-1].ended + SPARED_S:
            return False
        self._outage = threading.Thread(target=self._be_away, args=(fault.lasts_s,), name="outage")
        self._outage.start()
        return True

    def _be_away(self, lasts_s: float) -> None:
        """The outage is over when it knows its topics: until then no session can be opened, so nothing be settled."""
        began = time.monotonic()
        self._broker.stop_proxy(kill=True)
        time.sleep(lasts_s)
        self._broker.start_proxy()
        _until_known(self._broker.endpoint, self._topics)
        self.faults.outages.append(Outage(began, time.monotonic()))

    def _pid_in(self, slot: int) -> int | None:
        """The running consumer of a slot; None while it, or the master, is just not there."""
        try:
            slots = self._fleet.look().slots
        except SylphError:
            return None
        return next((each.pid for each in slots if each.slot == slot and each.state == "running"), None)


def _until_known(endpoint: str, topics: Sequence[str]) -> None:
    """Wait until the broker knows the topics, as it does when it has registered. Raises TimeoutError."""
    instance, end = Instance(name="default", endpoints=(endpoint,)), time.monotonic() + REGISTERS_S
    while time.monotonic() < end:
        with contextlib.suppress(TransportError):  # away again, or not there yet
            found = asyncio.run(probe(instance, topics, (), SystemClock()))
            if all(topic.state == "ok" for topic in found.topics):
                return
        time.sleep(0.1)
    raise TimeoutError(f"the broker did not know its topics {REGISTERS_S:g} s after it came back")
