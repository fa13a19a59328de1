"""What a consumer logged, decided and used before it died is in its crash report, whatever killed it."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.master.crash_reports import CrashReports
from sylph_mp.master.quarantine import Quarantine
from tests.scenarios.real_fleet import RealFleet, send
from tests.scenarios.running_fleet import SYLPH

WORK = """ctx.log.info("took %s", text)
    if text == "fatal":
        {death}"""


@pytest.mark.timeout(120, func_only=True)
@pytest.mark.parametrize(
    ("death", "exit_words"),
    [
        ("os.abort()", "SIGABRT (exit -6)"),
        ("os.kill(os.getpid(), 9)", "SIGKILL (exit -9)"),
        ("os._exit(3)", "exit 3"),
    ],
)
def test_the_line_before_the_fatal_one_is_there(embedded, folder, death, exit_words):
    topic, group = embedded.topic(), embedded.group()
    work = WORK.format(death=death)
    with RealFleet(
        folder, endpoint=embedded.endpoint, topic=topic, group=group, processes=(1, 1), threads=2, work=work
    ) as fleet:
        fleet.until_running(1)
        ran_since = time.monotonic()
        send(embedded.endpoint, topic, [f"m{number}" for number in range(50)])
        fleet.until_handled(50)
        fleet.until(lambda: time.monotonic() > ran_since + 2.5)  # two seconds of memory and CPU, at the least
        send(embedded.endpoint, topic, ["fatal"])
        state = Path(folder) / "sylph.state"
        fleet.until(lambda: Quarantine(state, SystemClock()).list())

        *_, report = CrashReports(state, SystemClock()).list()
        assert report.exit == exit_words
        assert report.oom_killed is not True
        assert report.memory_limit_bytes is not None
        assert [line.text for line in report.log_lines][-1] == "took fatal"
        assert {(each.topic, each.outcome, each.attempt) for each in report.decided} == {(topic, "Ack", 1)}
        assert len(report.usage) >= 2
        assert report.usage[-1].ago_s < 2
        assert report.rss_bytes == report.usage[-1].rss_bytes > 1 << 20
        (label,) = Quarantine(state, SystemClock()).list()
        assert label.log_lines[-1].text == "took fatal"
        assert fleet.stop() == 0

    shown = subprocess.run(
        [*SYLPH, "crashes", "show", str(report.number)], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    assert f"slot 1, {exit_words}, " in shown
    assert re.search(r"^memory         [\d.]+ MiB of [\d.]+ [MG]iB", shown, re.MULTILINE)
    assert re.search(r"^last log line  [\d:.]{12} INFO  took fatal \(20 kept\)$", shown, re.MULTILINE)
