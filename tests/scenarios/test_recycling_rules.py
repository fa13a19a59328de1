"""A handler leaks 10 MB a message: consumers are replaced at their memory limit, and nothing is lost."""

import pytest

from sylph_mp.control.protocol import Set
from tests.scenarios.real_fleet import RealFleet, assert_each_once, send

LEAKED = 10_000_000
LIMIT = 256 << 20
#: Between two reports, and while it drains, it leaks on.
MOST = 2 * LIMIT
MESSAGES = 150
#: It leaks, says how large the process is by then, and takes its time.
LEAK = f"""\
globals().setdefault("leak", []).append(b"x" * {LEAKED})
    resident = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    open("{{folder}}/sizes", "a").write(f"{{{{resident}}}}\\n")
    time.sleep(0.4)"""


@pytest.mark.slow
@pytest.mark.timeout(120)  # 150 messages at five a second and process, and the replacements
def test_recycling_rules(embedded, folder):
    topic, group = embedded.topic(), embedded.group()
    work = LEAK.format(folder=folder)
    fleet = RealFleet(
        folder, endpoint=embedded.endpoint, topic=topic, group=group, processes=(2, 2), threads=2, work=work
    )
    with fleet:
        fleet.until_running(2)
        fleet.tell(Set("consumers.recycle.memory", "256 MiB", "root", saved=False))
        texts = [f"m{number}" for number in range(MESSAGES)]
        send(embedded.endpoint, topic, texts)
        fleet.until_handled(MESSAGES)
        slots = fleet.look().slots
        assert fleet.stop() == 0
    assert_each_once(fleet.times_handled(), texts)
    assert all(slot.restarts >= 1 for slot in slots)
    assert sum(slot.crashes for slot in slots) == 0
    assert "recycled" in fleet.log.read_text()
    sizes = [int(line) for line in (folder / "sizes").read_text().split()]
    assert LIMIT // 2 < max(sizes) < MOST
