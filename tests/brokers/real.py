"""The real RocketMQ as a fixture: one that this test session starts on free ports, or one that already runs.

`tests/rocketmq/broker.sh` does the work; its processes end with pytest's, however that ends.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.brokers.ports import free_port
from tests.brokers.remoting import Admin

#: A broker that stands still for so long is at fault.
VISIBLE_S = 30.0
SCRIPT = Path(__file__).parent.parent / "rocketmq" / "broker.sh"


class RealBroker:
    """Topics and groups get a unique name, so that tests do not meet in one broker."""

    kind = "rocketmq"

    def __init__(self, *, endpoint: str, namesrv: str) -> None:
        self.endpoint = endpoint
        self.namesrv = namesrv
        self._admin = Admin(namesrv)
        self._session = f"{os.getpid()}_{time.time_ns() // 1_000_000 % 10_000_000}"
        self._made = 0
        self._queues: dict[str, int] = {}

    def topic(self, type: str = "NORMAL", queues: int = 8) -> str:  # noqa: A002  RocketMQ's own word
        """Make a topic of a message type (NORMAL, FIFO, DELAY, TRANSACTION); returns its name."""
        name = self._name("t")
        self._admin.create_topic(name, kind=type, queues=queues)
        self._queues[name] = queues
        return name

    def group(self, fifo: bool = False, attempts: int = 16) -> str:
        """Make a consumer group whose messages are dead-lettered after `attempts` deliveries; returns its name."""
        name = self._name("g")
        self._admin.create_group(name, fifo=fifo, retries=attempts - 1)
        return name

    def until_visible(self, topic: str, count: int) -> None:
        """Wait until one receive can bring so many: a send is answered before the message is in its consume queue."""
        end = time.monotonic() + VISIBLE_S
        while (seen := self._admin.visible(topic, queues=self._queues[topic])) < count:
            assert time.monotonic() < end, f"{seen} of {count} messages are visible in {topic}"
            time.sleep(0.02)

    def missing(self) -> str:
        """The name of a topic or group that nobody has made."""
        return self._name("missing")

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"sylph_{kind}_{self._session}_{self._made}"


#: The broker's fast port, and the one for replication.
BROKER_NEIGHBOURS = (-2, 1)
#: A test's broker lives for a minute: it starts with a fifth less CPU without the second compiler.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


class OwnBroker(RealBroker):
    """Started for this session; its proxy may be stopped."""

    def __init__(self, directory: Path, *, java_options: str = SHORT_LIVED) -> None:
        grpc, namesrv, remoting, metrics = (free_port() for _ in range(4))
        self._directory = directory
        self.metrics = f"127.0.0.1:{metrics}"
        settings = {
            "RMQ_GRPC_PORT": grpc,
            "RMQ_NAMESRV_PORT": namesrv,
            "RMQ_REMOTING_PORT": remoting,
            "RMQ_METRICS_PORT": metrics,
            "RMQ_BROKER_PORT": free_port(*BROKER_NEIGHBOURS),
            "RMQ_JAVA_OPTS": java_options,
            "RMQ_OWNER_PID": os.getpid(),
        }
        try:
            self._run("start", {name: str(value) for name, value in settings.items()})
        except BaseException:
            self.close()  # what had begun
            raise
        super().__init__(endpoint=f"127.0.0.1:{grpc}", namesrv=f"127.0.0.1:{namesrv}")

    def stop_proxy(self, *, kill: bool = False) -> None:
        """Stop the proxy and the broker in it: cleanly in some 8 s, or by SIGKILL at once."""
        self._run("kill-proxy" if kill else "stop-proxy")

    def start_proxy(self) -> None:
        """Start it again on the same port with the same store: some 10 s."""
        self._run("start-proxy")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The proxy and the broker in it answer nothing meanwhile, and carry out then what they were asked."""
        proxy = int((self._directory / "proxy.pid").read_text())
        os.kill(proxy, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(proxy, signal.SIGCONT)

    def close(self) -> None:
        self._run("kill")

    def _run(self, command: str, settings: dict[str, str] | None = None) -> None:
        # Not through pipes: the processes that it leaves behind would hold them open.
        log = self._directory / f"{command}.log"
        with log.open("wb") as output:
            ended = subprocess.run(
                [SCRIPT, command, self._directory],
                env=os.environ | (settings or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        assert ended.returncode == 0, f"broker.sh {command} failed:\n{log.read_text()}"
