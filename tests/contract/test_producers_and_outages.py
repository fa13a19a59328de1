"""An outage of the proxy costs producers time only; sessions open on demand and close when nothing is sent."""

import asyncio
import threading
import time

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer import Outgoing, Producers, ProducerSettings, publisher
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.producer.publisher import Publisher
from tests.brokers.embedded import EmbeddedBroker
from tests.contract.client import Client
from tests.contract.conftest import Place

GROUPS = 100


@pytest.fixture
def own():
    """An embedded broker that may be stopped."""
    broker = EmbeddedBroker()
    yield broker
    broker.close()


def send_in_rounds(broker, topic, rounds, *, outages):
    """A message of each group in each round; the proxy is restarted after each of the rounds in `outages`."""
    receipts = []

    def send(producer):
        for n in range(rounds):
            receipts.extend(
                producer.send_many(
                    Outgoing(topic=topic, payload=f"g{number}:{n}", group=f"g{number}") for number in range(GROUPS)
                )
            )

    with Producers(broker.endpoint, settings=ProducerSettings(duplicates=True)) as producers:
        sender = threading.Thread(target=send, args=(producers.fifo(topic),))
        sender.start()
        for sent in outages:
            while len(receipts) < sent * GROUPS:
                time.sleep(0.01)
            assert sender.is_alive()
            broker.stop_proxy()
            time.sleep(0.2)
            broker.start_proxy()
        sender.join()
        assert producers.snapshot()[0].retries > 0
    return receipts


def numbers_by_group(broker, topic, group, rounds):
    """As they are received; what comes twice in a row was sent twice, because the answer to the first was lost."""
    client = Client(broker.endpoint)
    client.subscribe(group, topic)
    here, seen = Place(topic, group, client), {f"g{number}": [] for number in range(GROUPS)}
    while any(len(numbers) < rounds for numbers in seen.values()):
        messages = here.collect(1)
        assert messages
        here.ack(*messages)
        for message in messages:
            name, number = message.body.decode().split(":")
            if seen[name][-1:] != [int(number)]:
                seen[name].append(int(number))
    client.close()
    return seen


def test_order_within_a_hundred_groups_while_the_proxy_is_restarted(own):
    topic, group = own.topic("FIFO"), own.group(fifo=True)
    receipts = send_in_rounds(own, topic, 20, outages=(3, 10))
    assert not [one for one in receipts if one.error]
    seen = numbers_by_group(own, topic, group, 20)
    assert all(numbers == list(range(20)) for numbers in seen.values())


@pytest.mark.slow
@pytest.mark.timeout(240, func_only=True)
def test_order_of_ten_thousand_while_a_real_proxy_is_restarted(own_rocketmq):
    topic, group = own_rocketmq.topic("FIFO"), own_rocketmq.group(fifo=True)
    receipts = send_in_rounds(own_rocketmq, topic, 100, outages=(10,))
    assert len(receipts) == 10_000
    assert not [one for one in receipts if one.error]
    seen = numbers_by_group(own_rocketmq, topic, group, 100)
    assert all(numbers == list(range(100)) for numbers in seen.values())


def test_a_session_for_each_topic_that_closes_when_idle_and_opens_again(own, monkeypatch):
    monkeypatch.setattr(publisher, "IDLE_S", 0.1)
    monkeypatch.setattr(publisher, "_SWEEP_S", 0.05)
    topics = [own.topic(), own.topic()]

    async def run():
        clock, encoder = SystemClock(), Encoder("", Limits())
        made = Publisher(Instance(name="default", endpoints=(own.endpoint,)), ProducerSettings(), clock=clock)

        async def send(topic):
            stored = asyncio.get_running_loop().create_future()
            encoded = encoder.encode(Outgoing(topic=topic, payload=b"x"), clock.time())
            assert made.submit(encoded, stored.set_result)
            return await stored

        await asyncio.gather(*(send(topic) for topic in topics for _ in range(5)))
        assert made.sessions.opened == made.sessions.open_now == 2
        async with asyncio.timeout(10):
            while made.sessions.open_now:  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0.02)
        assert (await send(topics[0])).error is None
        assert (made.sessions.opened, made.sessions.open_now) == (3, 1)
        await made.close(Deadline.after(5, clock))
        assert made.sessions.open_now == 0

    asyncio.run(run())


def test_a_session_without_an_answer_for_long_is_replaced(own, monkeypatch):
    monkeypatch.setattr(publisher, "BROKEN_S", 0.1)
    topic = own.topic()
    with Producers(own.endpoint) as producers:
        producer = producers.normal(topic)
        producer.send(b"x")
        own.stop_proxy()
        late = threading.Thread(target=producer.send, args=(b"y",))
        late.start()
        time.sleep(0.5)
        own.start_proxy()
        late.join()
        assert producers.engine().publisher.sessions.opened > 1
