"""The embedded broker as a fixture, with the interface of the real one."""

from sylph_mp.devbroker.in_thread import BrokerThread
from sylph_mp.devbroker.service.faults import Faults
from sylph_mp.devbroker.store.record import Kind


class EmbeddedBroker:
    """In this process, on a thread of its own; `faults` are for tests that need a broker that fails."""

    kind = "embedded"
    namesrv = ""

    def __init__(self) -> None:
        self._thread = BrokerThread()
        self._thread.start()
        self._made = 0

    @property
    def endpoint(self) -> str:
        return self._thread.endpoint

    @property
    def faults(self) -> Faults:
        return self._thread.faults

    def topic(self, type: str = "NORMAL", queues: int = 8) -> str:  # noqa: A002  RocketMQ's own word
        """Make a topic of a message type (NORMAL, FIFO, DELAY, TRANSACTION); returns its name."""
        name = self._name("t")
        self._thread.create_topic(name, Kind[type], queues)
        return name

    def group(self, fifo: bool = False, attempts: int = 16) -> str:
        """Make a consumer group whose messages are dead-lettered after `attempts` deliveries; returns its name."""
        name = self._name("g")
        self._thread.create_group(name, fifo=fifo, max_attempts=attempts)
        return name

    def until_visible(self, topic: str, count: int) -> None:
        """What is stored here is visible."""

    def missing(self) -> str:
        """The name of a topic or group that nobody has made."""
        return self._name("missing")

    def memory_used(self) -> int:
        """Bytes of all messages that are still needed."""
        return self._thread.memory_used()

    def stop_proxy(self, *, kill: bool = False) -> None:
        """An outage: all calls end and the port is closed; nothing is lost."""
        self._thread.stop_listening()

    def start_proxy(self) -> None:
        self._thread.start_listening()

    def close(self) -> None:
        self._thread.stop()

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"
