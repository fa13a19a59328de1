"""Runs a program of benchmarks/peers, beside whose figures ours are shown."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.progress import Sample
from tests.brokers.real import RealBroker

ROOT = Path(__file__).parent.parent
POM = Path(__file__).parent / "peers" / "java" / "pom.xml"
MADE = ROOT / ".rocketmq" / "peers"

PYTHON_PUSH = "official Python PushConsumer"
PYTHON_SIMPLE = "official Python SimpleConsumer, 8 threads"
JAVA_GRPC = "official Java PushConsumer (gRPC)"
JAVA_REMOTING = "official Java DefaultMQPushConsumer (4.x remoting)"


class Peer:
    """A client in a process of its own; ends with the `with`. Log files that it writes go with it."""

    def __init__(self, name: str, broker: RealBroker, *, topic: str, group: str, file: Path | None = None) -> None:
        """With `file`, each message is noted there (see `benchmarks.peers`)."""
        self._folder = tempfile.TemporaryDirectory(prefix="sylph-peer-")
        address = broker.namesrv if name == JAVA_REMOTING else broker.endpoint
        arguments = [address, topic, group, *([str(file)] if file else [])]
        self._command = [*_program(name, self._folder.name), *arguments]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=os.environ | {"HOME": self._folder.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._measured = psutil.Process(self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.end()
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def samples(self) -> Iterator[Sample]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, _, count = line.partition(" ")
            if word == "handled":
                times = self._measured.cpu_times()
                yield Sample(time.monotonic(), int(count), times.user + times.system)
        raise ChildProcessError(f"{self._command} has ended")

    def end(self, limit_s: float = 30) -> None:
        """Let it end by itself, so that what it noted is written."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        try:
            self._process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()


def make_java_peers() -> bool:
    """Compile them and fetch what they need, once; False where there is no Maven."""
    if not (MADE / "classes").exists():
        if shutil.which("mvn") is None:
            return False
        subprocess.run(["mvn", "-q", "-B", "-f", POM, "compile", "dependency:copy-dependencies"], check=True)
    return True


def _program(name: str, home: str) -> list[str]:
    if name in (PYTHON_PUSH, PYTHON_SIMPLE):
        return [sys.executable, "-m", f"benchmarks.peers.{'push' if name == PYTHON_PUSH else 'simple'}"]
    main = "peers.GrpcPush" if name == JAVA_GRPC else "peers.RemotingPush"
    return ["java", f"-Duser.home={home}", "-cp", f"{MADE}/classes:{MADE}/lib/*", main]
