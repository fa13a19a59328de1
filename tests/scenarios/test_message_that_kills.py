"""A message that kills its process is quarantined after its strikes, and it alone; the others are handled."""

from pathlib import Path

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.master.crash_reports import CrashReports
from sylph_mp.master.quarantine import Quarantine
from tests.scenarios.real_fleet import RealFleet, send

STRIKES = 2


@pytest.mark.timeout(120, func_only=True)
@pytest.mark.parametrize("death", ["os.abort()", "os.kill(os.getpid(), 9)"])
def test_the_killer_is_quarantined_and_nobody_else(broker, folder, death):
    topic, group = broker.topic(), broker.group()
    texts = [f"m{number}" for number in range(200)]
    work = f"time.sleep(0.02)\n    if text == 'poison': {death}"
    with RealFleet(folder, endpoint=broker.endpoint, topic=topic, group=group, processes=(1, 1), work=work) as fleet:
        fleet.until_running(1)
        send(broker.endpoint, topic, [*texts[:100], "poison", *texts[100:]])
        fleet.until_handled(len(texts), limit_s=60)
        state = Path(folder) / "sylph.state"
        fleet.until(lambda: Quarantine(state, SystemClock()).list())
        fleet.until(lambda: not any(slot.in_flight for slot in fleet.look().slots))
        assert fleet.stop() == 0
        (quarantined,) = Quarantine(state, SystemClock()).list()
        crashes = CrashReports(state, SystemClock()).list()
        assert quarantined.topic == topic
        assert quarantined.handler == "handle"
        assert quarantined.strikes == STRIKES
        assert STRIKES <= len(crashes) <= STRIKES + 1
        assert quarantined.crashes == tuple(sorted(report.number for report in crashes))
        times = fleet.times_handled()
        assert set(times) == set(texts)
        assert max(times.values()) <= 2
        assert fleet.traces() == []
