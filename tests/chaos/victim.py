"""The fleet that chaos happens to: topics without order and with, handlers that are quick, slow or want a retry."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.load import Stream
from tests.scenarios.running_fleet import SYLPH, RunningFleet

LEAST, MOST = 2, 4
#: Short, so that a run sees leases end; the broker takes no shorter one than 10 s.
LEASE_S = 15
DRAIN_S = 10

APP = """\
import os
import threading
import time
from sylph_mp import App, Context, Retry

app = App()
lines = os.open(f"{folder}/calls-{{os.getpid()}}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def note(what: str, text: str) -> None:
    line = f"{{what}} {{text}} {{os.getpid()}} {{threading.get_ident()}} {{time.monotonic():.6f}}\\n"
    os.write(lines, line.encode())


@app.handler("{unordered}")
@app.handler("{ordered}")
def handle(body: bytes, ctx: Context) -> Retry | None:
    text = body.rstrip(b".").decode()
    note("begin", text)
    number = int(text.rpartition("-")[2])
    time.sleep(1.5 if number % 100 == 50 else 0.02)
    if number % 40 == 7 and ctx.attempt == 1:
        note("retry", text)
        return Retry(after_s=0.5)
    note("done", text)
    return None
"""

#: A message that was released from quarantine is out of order: the ordered ones are not to get there.
CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
[consumers]
processes = {{ min = {least}, max = {most} }}
threads = 8
buffer = "4 MiB"
drain_s = {drain_s}
lease_s = {lease_s}
[topics.{unordered}]
group = "{group}"
shards = 4
[topics.{ordered}]
group = "{ordered_group}"
shards = 4
strikes = 10
"""


class Victim(RunningFleet):
    """Of topics and groups that exist, the latter two in order."""

    def __init__(
        self, folder: Path, *, endpoint: str, unordered: str, ordered: str, group: str, ordered_group: str
    ) -> None:
        (folder / "app.py").write_text(APP.format(folder=folder, unordered=unordered, ordered=ordered))
        settings = {"least": LEAST, "most": MOST, "drain_s": DRAIN_S, "lease_s": LEASE_S}
        names = {"unordered": unordered, "ordered": ordered, "group": group, "ordered_group": ordered_group}
        (folder / "config.toml").write_text(CONFIG.format(endpoint=endpoint, **settings, **names))
        self.streams = (
            Stream(topic=unordered, groups=0, batch=10, every_s=0.05),
            Stream(topic=ordered, groups=12, batch=1, every_s=0.05),
        )
        super().__init__(folder)

    def release_quarantined(self) -> int:
        """Send what is in quarantine to its topic again; how many messages that were."""
        listed = self._quarantine("ls")
        ids = [message["id"] for message in listed["messages"]]
        if ids:
            self._quarantine("release", *ids)
        return len(ids)

    def _quarantine(self, *arguments: str) -> Any:
        done = subprocess.run(
            [*SYLPH, "quarantine", *arguments, "--json"], cwd=self.folder, capture_output=True, check=True
        )
        return msgspec.json.decode(done.stdout)
