"""A message too large for shared memory comes again after its lease if its consumer is killed; the others at once."""

import os
import re
import signal
import subprocess
import time

import pytest

from sylph_mp.consumer.credit import MAX_BATCH
from tests.scenarios.real_fleet import RealFleet, send
from tests.scenarios.running_fleet import SYLPH

LEASE_S = 15
#: The broker is to notice that the lease is over, and the host may be busy.
LATE_S = 15.0
#: The large one is with its handler until the kill; the others take so long that some are queued then.
WORK = """note = os.open(f"{folder}/begun", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(note, f"{{text}} {{time.monotonic():.6f}}\\n".encode())
    os.close(note)
    large_again = text == "large" and ctx.attempt > 1
    time.sleep(0.2 if text != "large" else 0.2 if large_again else 60)"""


@pytest.mark.timeout(120, func_only=True)
def test_it_comes_again_after_its_lease_and_the_others_at_once(broker, folder):
    topic, group = broker.topic(), broker.group()
    texts = [f"m{number}" for number in range(100)]
    with RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        threads=4,
        buffer="1 MiB",
        lease_s=LEASE_S,
        time_limit_s=120,
        work=WORK.format(folder=folder),
    ) as fleet:
        fleet.until_running(1)
        send(broker.endpoint, topic, ["large"], size=2 << 20)
        fleet.until(lambda: [call.topic for call in fleet.look().slots[0].running] == [topic])
        large_at = time.monotonic()
        send(broker.endpoint, topic, texts)
        fleet.until_handled(10)
        (pid,) = fleet.consumers()
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()

        fleet.until(lambda: set(texts) <= set(fleet.times_handled()))
        shown = subprocess.run([*SYLPH, "status"], cwd=folder, capture_output=True, text=True, check=True).stdout
        # Once, or twice if it has come again by now.
        assert re.search(rf"^note: [12] messages? of {topic} did not fit into the buffer since ", shown, re.MULTILINE)
        fleet.until_handled(len(texts) + 1, limit_s=LEASE_S + LATE_S)
        begun = [line.split() for line in (folder / "begun").read_text().splitlines()]
        first, again = [float(at) for text, at in begun if text == "large"]
        assert first < large_at + 1
        assert again >= min(first, large_at) + LEASE_S - 1, "the broker had it until then"
        late = [
            handled for handled in fleet.ledger() if handled.began > killed_at + LEASE_S and handled.text != "large"
        ]
        assert len(late) <= MAX_BATCH, "one answer of the broker may have been on the wire"
        assert max(fleet.times_handled().values()) <= 2
        assert fleet.stop() == 0
