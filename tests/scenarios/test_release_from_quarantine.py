"""A message that is released from quarantine after its handler was mended is handled, once."""

import subprocess
from pathlib import Path

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.control.protocol import Reload
from sylph_mp.master.quarantine import Quarantine
from sylph_mp.master.strikes import Strikes
from tests.scenarios.real_fleet import RealFleet, send
from tests.scenarios.running_fleet import SYLPH

FAULT = "if text == 'poison': os.abort()"


@pytest.mark.timeout(120, func_only=True)
def test_released_after_a_mended_handler_it_is_handled(broker, folder):
    topic, group = broker.topic(), broker.group()
    state = Path(folder) / "sylph.state"
    store = Quarantine(state, SystemClock())
    with RealFleet(
        folder, endpoint=broker.endpoint, topic=topic, group=group, processes=(1, 1), threads=2, work=FAULT
    ) as fleet:
        fleet.until_running(1)
        send(broker.endpoint, topic, ["before", "poison"])
        fleet.until(store.list)
        fleet.until(lambda: fleet.look().sentence.startswith("1 message is in quarantine"))
        [label] = store.list()

        mend(folder)
        fleet.tell(Reload())
        fleet.until(lambda: "replaced: new consumers" in fleet.log.read_text())
        fleet.until_running(1)
        said = sylph(folder, "quarantine", "release", label.id[:20])

        assert said.startswith(f"released {label.id}: {topic} has it as ")
        fleet.until_handled(2)
        fleet.until(lambda: not any(slot.in_flight for slot in fleet.look().slots))
        assert fleet.look().notes == ()
        assert fleet.stop() == 0
        assert fleet.times_handled()["poison"] == 1
    assert sylph(folder, "quarantine", "ls") == "quarantine is empty\n"
    assert Strikes(state).all() == {}
    assert "SIGABRT" in sylph(folder, "crashes", "show")


def mend(folder):
    source = Path(folder) / "app.py"
    broken = source.read_text()
    assert FAULT in broken
    source.write_text(broken.replace(FAULT, "pass"))


def sylph(folder, *words):
    done = subprocess.run([*SYLPH, *words], cwd=folder, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout
