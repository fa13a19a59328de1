"""Starts an embedded broker as a process of its own, for `endpoints = "embedded"`.

    launcher ── Order, one line of JSON ──► broker            its standard input: at the end of it, it stops
    launcher ◄─ Listening, one line ─────── broker            its standard output

The pipe ends with the launcher however that dies, so the broker does not outlive it. Called from any thread; blocks.
"""

import select
import subprocess
import sys

import msgspec
from msgspec import Struct

from sylph_mp.devbroker.order import Group, Listening, Order, Topic
from sylph_mp.errors import ResourceError

#: Importing gRPC and the protocol takes half a second on a busy machine, rarely more.
START_S = 30.0
STOP_S = 3.0

__all__ = ["Group", "Launched", "Order", "Topic", "launch"]


class Launched(Struct, frozen=True):
    """A broker process that listens."""

    endpoint: str
    process: "subprocess.Popen[bytes]"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Let it end, and wait for that; by force after some seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def launch(order: Order) -> Launched:
    """Start a broker and wait until it listens. Raises ResourceError if it does not."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sylph_mp.devbroker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C in the terminal is for the launcher, which stops the broker last
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(order) + b"\n")
    process.stdin.flush()
    readable, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if readable else b""
    if not line:
        process.kill()
        process.communicate()
        raise ResourceError(f"the embedded broker did not start on {order.host}:{order.port}")
    return Launched(msgspec.json.decode(line, type=Listening).endpoint, process)
