"""One run of chaos: a fleet under load, faults by the seed, then peace until everything must have been handled."""

import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.brokers.real import OwnBroker
from tests.chaos.injector import Injector
from tests.chaos.load import Load
from tests.chaos.plan import faults
from tests.chaos.records import calls_in
from tests.chaos.verdict import Verdict, judge
from tests.chaos.victim import LEASE_S, LEAST, MOST, Victim

BOOT_S = 120.0
#: What the last fault costs at most: an ordered queue waits for a lease, and for the next if the broker was away.
SETTLE_S = 120.0
#: After everything was handled: what a lost lease would bring again comes by then.
PEACE_S = LEASE_S + 5.0


class Run(Struct, frozen=True, kw_only=True):
    seed: int
    minutes: float
    verdict: Verdict
    done: dict[str, int]
    """Faults by their kind."""
    missed: int
    """Faults whose victim was not there."""
    unsure: int
    """Messages of which nobody knows whether they were stored."""
    quarantined: int
    """Messages that ran at so many kills that they were suspected of them; released in the end."""
    settled_s: float
    """From the end of the faults and the load until everything was handled."""
    exit_code: int
    traces: list[str]
    """What the fleet has left on the host."""

    @property
    def good(self) -> bool:
        return self.verdict.good and self.exit_code == 0 and not self.traces


def run(folder: Path, broker: OwnBroker, *, seed: int, minutes: float) -> Run:
    """Takes a minute or two longer than `minutes`."""
    names = {
        "unordered": broker.topic(),
        "ordered": broker.topic("FIFO", 8),
        "group": broker.group(),
        "ordered_group": broker.group(fifo=True),
    }
    with ExitStack() as stack:
        fleet = stack.enter_context(Victim(folder, endpoint=broker.endpoint, **names))
        fleet.until_running(LEAST, limit_s=BOOT_S)
        load = stack.enter_context(Load(broker.endpoint, fleet.streams))
        injector = Injector(fleet, broker, [names["unordered"], names["ordered"]])
        injector.run(faults(seed, least=LEAST, most=MOST), time.monotonic() + 60 * minutes)
        load.end()
        peace = time.monotonic()
        quarantined = _wait_for_all(fleet, {message.text for message in load.sent})
        settled_s = time.monotonic() - peace
        time.sleep(PEACE_S)
        exit_code = fleet.stop()
        traces = fleet.traces()
    done = injector.faults
    (folder / "records.json").write_bytes(msgspec.json.encode({"sent": load.sent, "faults": done}))
    return Run(
        seed=seed,
        minutes=minutes,
        verdict=judge(load.sent, calls_in(folder), done, lease_s=LEASE_S),
        done={
            "consumers killed": len(done.kills),
            "stopped": sum(not stop.killed for stop in done.stops),
            "hung": sum(stop.killed for stop in done.stops),
            "masters killed": len(done.masters),
            "brokers killed": len(done.outages),
            "scalings": len(done.scalings),
        },
        missed=sum(injector.missed.values()),
        unsure=load.unsure,
        quarantined=quarantined,
        settled_s=settled_s,
        exit_code=exit_code,
        traces=traces,
    )


def _wait_for_all(fleet: Victim, texts: set[str]) -> int:
    """Until all were handled; what was running at three kills is released from quarantine: how many that were."""
    end, released = time.monotonic() + SETTLE_S, 0
    while time.monotonic() < end:
        released += fleet.release_quarantined()
        if texts <= {call.text for call in calls_in(fleet.folder) if call.outcome == "done"}:
            break
        time.sleep(1)
    return released
