"""A consumer that the kernel kills for want of memory is told as such; its message is quarantined, the others run."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.master.crash_reports import CrashReports
from sylph_mp.master.quarantine import Quarantine
from tests.scenarios.real_fleet import RealFleet, send
from tests.scenarios.running_fleet import SYLPH

LIMIT_BYTES = 400 << 20
EXIT = "SIGKILL by the kernel, out of memory (limit 400 MiB)"
#: At once, so that the kernel is there before the master, which would replace the process in time.
WORK = """time.sleep(0.01)
    if text == "eat":
        text = len(b"x" * (1 << 30))"""

#: Where groups with a memory limit are made, and the limit's file: version 2 where it has this controller, or 1.
PLACES = ((Path("/sys/fs/cgroup"), "memory.max"), (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"))


@pytest.fixture
def limited() -> Iterator[Path]:
    """A control group of its own with that limit; skips where the kernel or our rights do not give one."""
    group = _limited_group()
    if group is None:
        pytest.skip("no right to make a control group with a memory limit")
    yield group
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with suppress(OSError):  # busy until its last process is gone
            group.rmdir()
            return
        time.sleep(0.1)


def _limited_group() -> Path | None:
    for root, limit in PLACES:
        group = root / f"sylph-test-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            if (group / limit).exists():  # made by the kernel
                (group / limit).write_text(str(LIMIT_BYTES))
                return group
            group.rmdir()
    return None


class LimitedFleet(RealFleet):
    """All of it in a control group."""

    def __init__(self, folder, limited, **options):
        self.command = ("sh", "-c", f'echo $$ > {limited}/cgroup.procs && exec "$@"', "sh", *SYLPH, "run")
        super().__init__(folder, **options)


@pytest.mark.timeout(120, func_only=True)
def test_the_kernel_is_named_and_nobody_else_suffers(embedded, folder, limited):
    topic, group = embedded.topic(), embedded.group()
    texts = [f"m{number}" for number in range(200)]
    with LimitedFleet(
        folder, limited, endpoint=embedded.endpoint, topic=topic, group=group, processes=(1, 1), threads=4, work=WORK
    ) as fleet:
        fleet.until_running(1)
        send(embedded.endpoint, topic, [*texts[:100], "eat", *texts[100:]])
        fleet.until_handled(len(texts))
        state = Path(folder) / "sylph.state"
        fleet.until(lambda: Quarantine(state, SystemClock()).list())
        crashes = CrashReports(state, SystemClock()).list()
        assert {crash.exit for crash in crashes} == {EXIT}
        assert {(crash.oom_killed, crash.memory_limit_bytes) for crash in crashes} == {(True, LIMIT_BYTES)}
        assert len(Quarantine(state, SystemClock()).list()) == 1
        assert fleet.look().master.pid == fleet.process.pid
        assert fleet.stop() == 0
        assert set(fleet.times_handled()) == set(texts)
    shown = subprocess.run([*SYLPH, "crashes", "show"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert f"slot 1, {EXIT}; " in shown
