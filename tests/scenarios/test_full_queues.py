"""With a real broker away each saturation policy keeps its promise in bounded memory; when it is back all goes on."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import psutil
import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from sylph_mp.config.schema import Saturation
from sylph_mp.errors import NotSentError, SaturatedError
from sylph_mp.producer import Producers, ProducerSettings
from sylph_mp.producer.outlet import Receipt
from tests.brokers.real import OwnBroker
from tests.contract.client import Client

#: Messages that a queue holds.
ROOM = 200
#: Sent to a full queue: a process that kept them would grow by a hundred megabytes.
BEYOND = 10_000
BODY_BYTES = 10_000
MOST_GROWTH_BYTES = 48 << 20
BLOCK_S = 0.5
#: Longer than any start of a broker: what waits for room, or to be sent, waits until it is back.
OUTAGE_S = 240.0


class Full:
    """Producers of one policy that have sent a message; then, with the broker away, ROOM more of them wait."""

    def __init__(self, broker: OwnBroker, topic: str, policy: Saturation, *, name: str, block_s: float) -> None:
        self.name = name or policy
        settings = ProducerSettings(
            saturation=policy,
            queue=ROOM,
            block_s=block_s,
            give_up_s=OUTAGE_S,
            in_flight=1,
            batch=False,
            duplicates=True,  # the first meets a connection that has died: whether it was sent nobody knows
        )
        self.producers = Producers(broker.endpoint, settings=settings)
        self.producer = self.producers.normal(topic)
        assert self.producer.send(self.body("first")).error is None

    def fill(self) -> None:
        self.waiting = Sending(self, self.bodies("waiting", ROOM))
        end = time.monotonic() + 30
        while self.held < ROOM:
            assert time.monotonic() < end, f"{self.held} messages wait"
            time.sleep(0.01)

    @property
    def held(self) -> int:
        return sum(row.queued + row.in_flight for row in self.producers.snapshot())

    def body(self, text: str) -> bytes:
        return f"{self.name} {text}".encode().ljust(BODY_BYTES, b".")

    def bodies(self, texts: str, count: int) -> Iterator[bytes]:
        return (self.body(f"{texts}{number}") for number in range(count))

    def until_dropped(self, count: int) -> None:
        end = time.monotonic() + 30
        while (dropped := sum(row.dropped for row in self.producers.snapshot())) < count:
            assert time.monotonic() < end, f"{dropped} were dropped"
            time.sleep(0.01)


def assert_refuses(at: Full) -> None:
    for body in at.bodies("beyond", BEYOND):
        with pytest.raises(SaturatedError, match=f"{ROOM} messages"):
            at.producer.send(body)


def assert_drops_the_newest(at: Full) -> None:
    for body in at.bodies("beyond", BEYOND):
        assert isinstance(at.producer.send(body).error, SaturatedError)


def assert_tries_once_itself(at: Full) -> None:
    for body in at.bodies("beyond", 20):
        with pytest.raises(NotSentError):
            at.producer.send(body)


def assert_waits_no_longer(at: Full) -> None:
    began = time.monotonic()
    with pytest.raises(SaturatedError):
        at.producer.send(at.body("beyond"))
    assert time.monotonic() - began >= BLOCK_S


class Sending:
    """In a thread of its own: it waits for room, or for its receipts."""

    def __init__(self, at: Full, bodies: Iterable[bytes]) -> None:
        self._receipts: list[Receipt] = []
        self._thread = threading.Thread(target=lambda: self._receipts.extend(at.producer.send_many(bodies)))
        self._thread.start()

    def stored(self) -> list[int]:
        """The places of what was; the others were dropped by the policy."""
        self._thread.join()
        assert {type(receipt.error) for receipt in self._receipts} <= {type(None), SaturatedError}
        return [place for place, receipt in enumerate(self._receipts) if receipt.error is None]


def received(broker: OwnBroker, topic: str, group: str, wanted: set[str]) -> set[str]:
    """All that came until `wanted` had; its messages may come again, where a killed broker forgot an ack.

    A proxy that was killed knows no client any more: each time it is a new one.
    """
    client = Client(broker.endpoint)
    client.subscribe(group, topic)
    got: set[str] = set()
    end = time.monotonic() + 60
    while not wanted <= got and time.monotonic() < end:
        answer = client.receive(topic, group, invisible=30)
        assert answer.messages or answer.code == d.MESSAGE_NOT_FOUND, answer.text
        if answer.messages:
            client.ack(topic, group, *answer.messages)
            got |= {body.rstrip(".") for body in answer.bodies}
    client.close()
    return got


@pytest.mark.timeout(400, func_only=True)
def test_full_queues(own_rocketmq: OwnBroker) -> None:
    broker = own_rocketmq
    topic, group = broker.topic(), broker.group()
    with ExitStack() as stack:

        def sending(policy: Saturation, *, name: str = "", block_s: float = OUTAGE_S) -> Full:
            made = Full(broker, topic, policy, name=name, block_s=block_s)
            stack.callback(made.producers.close, 0)
            return made

        refusing, dropping, replacing = sending("raise"), sending("drop_newest"), sending("drop_oldest")
        patient, impatient = sending("block"), sending("block", name="impatient", block_s=BLOCK_S)
        running = sending("caller_runs")
        everybody = [refusing, dropping, replacing, patient, impatient, running]
        first = {f"{each.name} first" for each in everybody}
        assert received(broker, topic, group, first) == first

        broker.stop_proxy(kill=True)
        for each in everybody:
            each.fill()
        memory = psutil.Process().memory_info().rss
        assert_refuses(refusing)
        assert_drops_the_newest(dropping)
        assert_tries_once_itself(running)
        assert_waits_no_longer(impatient)
        newer = Sending(replacing, replacing.bodies("newer", 2 * ROOM))
        waiting = Sending(patient, [patient.body("beyond")])
        replacing.until_dropped(2 * ROOM)
        assert [each.held for each in everybody] == [ROOM] * len(everybody)
        assert psutil.Process().memory_info().rss - memory < MOST_GROWTH_BYTES

        broker.start_proxy()
        assert waiting.stored() == [0]
        assert newer.stored() == list(range(ROOM + 1, 2 * ROOM))
        assert replacing.waiting.stored() == [0], "on its way, and no longer in the queue"
        for each in everybody:
            assert each is replacing or each.waiting.stored() == list(range(ROOM))
            assert each.producer.send(each.body("after")).error is None
            assert each.held == 0

        there = {
            f"{each.name} waiting{number}" for each in everybody if each is not replacing for number in range(ROOM)
        }
        there |= {f"{replacing.name} newer{number}" for number in newer.stored()}
        there |= {f"{replacing.name} waiting0", f"{patient.name} beyond"}
        there |= {f"{each.name} after" for each in everybody}
        assert received(broker, topic, group, there) - first == there
