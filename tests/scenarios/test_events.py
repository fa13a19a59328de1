"""`sylph events -f` tells what happened and what happens, up to the master's end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from sylph_mp.control.protocol import Scale
from tests.scenarios.fake_fleet import FakeFleet


def follow(fleet: FakeFleet) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sylph_mp", "events", "-f", "--json", "--socket", fleet.socket]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_events(folder: Path) -> None:
    with FakeFleet(folder) as fleet:
        slots = fleet.until_running(1, 2)
        fleet.tell(Scale(3))
        fleet.until_running(1, 2, 3)
        with follow(fleet) as following:
            before = [json.loads(following.stdout.readline()) for _ in range(5)]
            assert {(event["who"], event["event"]) for event in before} == {
                ("slot 1", "started"),
                ("slot 2", "started"),
                ("slot 3", "started"),
                ("master", "ready"),
                ("master", "scale"),
            }
            os.kill(slots[1].pid, signal.SIGKILL)
            crash = json.loads(following.stdout.readline())
            assert (crash["who"], crash["event"], crash["level"]) == ("slot 1", "crash", "warn")
            assert crash["pid"] == slots[1].pid
            fleet.until(lambda now: now[1].restarts == 1 and now[1].state == "running")
            fleet.signal(signal.SIGTERM)
            assert fleet.wait() == 0
            after = [json.loads(line)["event"] for line in following.stdout]
            assert after == ["started", "stop", "drained", "drained", "drained", "stopped"]
            assert following.wait(10) == 2
            assert "has ended" in following.stderr.read()
