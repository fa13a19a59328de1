"""A consumer without a broker: lives in its slot as a real one does, and misbehaves as the file `behaviour` says.

One word: `` (good), `crash` (at boot), `refuse`, `silent` (never boots), `stubborn` (does not drain), `holding` (ten
deliveries in its table, which it hands back when it drains).
"""

import os
import socket
import time
from pathlib import Path

from sylph_mp import frames
from sylph_mp.errors import Problem
from sylph_mp.pipe import COMMANDS, Assign, Booted, Drain, Drained, Ready, Refused, Report, Spawn, TopicReport
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import Table
from sylph_mp.shm.vitals import COUNTERS, VitalsWriter

HELD = 10
BEAT_S = 0.1


def run(spawn: Spawn, pipe: socket.socket) -> int:
    folder = Path(spawn.config.path).parent
    behaviour = (folder / "behaviour").read_text() if (folder / "behaviour").exists() else ""
    match behaviour:
        case "crash":
            return 3
        case "silent":
            (folder / "silent").touch()
            time.sleep(60)
        case "refuse":
            problem = Problem(place="app.py:1", what="app cannot be loaded")
            pipe.sendall(frames.encode(Refused(problems=(problem,), exit_code=78)))
            return 78
    return FakeConsumer(spawn, pipe, behaviour).run()


class FakeConsumer:
    def __init__(self, spawn: Spawn, pipe: socket.socket, behaviour: str) -> None:
        self.topics = tuple(spawn.config.topics)
        self.pipe = pipe
        self.behaviour = behaviour
        self.segment = Segment.attach(spawn.segment)
        self.table = Table(self.segment)
        self.vitals = VitalsWriter(self.segment)
        self.ready = False
        self.unread = b""

    def run(self) -> int:
        self.vitals.open(os.getpid(), time.monotonic_ns())
        self.post(Booted(handlers=dict.fromkeys(self.topics, "handle"), checkers={}, load_s=0.0))
        if self.behaviour == "holding":
            self.hold()
        self.pipe.settimeout(BEAT_S)
        while True:
            self.vitals.beat(time.monotonic_ns())
            try:
                data = self.pipe.recv(1 << 16)
            except TimeoutError:
                continue
            if not data:
                return 0
            for command in self.commands(data):
                if isinstance(command, Assign) and not self.ready:
                    self.ready = True
                    self.post(Ready(fifo_groups=()))
                if isinstance(command, Drain) and self.behaviour != "stubborn":
                    self.post(Drained(settled=2, handed_back=self.table.counts().queued, left=0))
                    self.table.clear()
                    return 0

    def hold(self) -> None:
        for index in range(HELD):
            self.table.put(index, 0, 1, 0, 0, 0, 0, 1, 1)
        self.vitals.count(0, [HELD] * len(COUNTERS))
        self.post(
            Report(
                at=time.monotonic(),
                topics=(
                    TopicReport(
                        topic=self.topics[0],
                        counters=dict.fromkeys(COUNTERS, 0) | {"received": HELD - 1},
                        running=0,
                        queued=HELD,
                        held=0,
                        run_s=0,
                        wait_s=0,
                        wait={},
                        run={},
                        end={},
                        skewed=0,
                        oldest_s=None,
                        errors=(),
                    ),
                ),
                instances=(),
                threads=1,
                busy_s=0,
                cpu_s=0,
                rss_bytes=0,
                in_flight=HELD,
                buffer_used=0,
                polls=0,
            )
        )

    def post(self, message: object) -> None:
        self.pipe.sendall(frames.encode(message))

    def commands(self, data: bytes) -> list[object]:
        """Complete frames; what is incomplete waits for more."""
        self.unread += data
        found: list[object] = []
        while len(self.unread) >= 4:
            end = 4 + int.from_bytes(self.unread[:4], "little")
            if len(self.unread) < end:
                break
            found.append(COMMANDS.decode(self.unread[4:end]))
            self.unread = self.unread[end:]
        return found
