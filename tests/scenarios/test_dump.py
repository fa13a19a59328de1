"""`sylph dump` shows where each thread is and what it runs, even of a consumer whose interpreter is held by C code."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.real_fleet import RealFleet, send
from tests.scenarios.running_fleet import SYLPH

#: The second keeps the interpreter for many seconds in one call of C code.
CALLS = {"wait": "time.sleep(20)", "hold": "sum(range(10**9))"}


def dump(fleet: RealFleet, *arguments: str) -> str:
    command = [*SYLPH, "dump", *arguments]
    return subprocess.run(command, cwd=fleet.folder, capture_output=True, text=True, check=True, timeout=10).stdout


@pytest.mark.parametrize("text", CALLS)
def test_dump(embedded, folder: Path, text):
    topic, group = embedded.topic(), embedded.group()
    with RealFleet(
        folder, endpoint=embedded.endpoint, topic=topic, group=group, processes=(1, 1), threads=3, work=CALLS[text]
    ) as fleet:
        fleet.until_running(1)
        send(embedded.endpoint, topic, ["m1"])
        fleet.until(lambda: fleet.look().slots[0].running)
        (call,) = fleet.look().slots[0].running
        (process,) = json.loads(dump(fleet, "1", "--json"))["processes"]
        assert (process["slot"], process["pid"], process["error"]) == (1, fleet.look().slots[0].pid, None)
        (busy,) = [thread for thread in process["threads"] if thread["running"]]
        assert busy["thread"] == call.thread
        assert busy["running"][0]["message"] == call.message
        assert f"{folder}/app.py:" in busy["calls"][0]
        assert any("sylph_mp/consumer/main.py" in frame for thread in process["threads"] for frame in thread["calls"])
        screen = " ".join(dump(fleet).split())
        assert "1 of 3 threads run a handler; 1 other" in screen
        assert f"thread {call.thread}: handle runs " in screen
        assert f" in handle {CALLS[text]}" in screen
        assert "threads " in screen.partition("in handle")[2]
