"""A session against the real RocketMQ: what `ports.Session` promises."""

import asyncio
import itertools
import time

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerError, HandleExpiredError, SettingsError, StatusError, TransportError
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.delivery import Delivery
from sylph_mp.rocketmq.metadata import new_client_id
from sylph_mp.rocketmq.probe import probe
from sylph_mp.rocketmq.session import ConsumerSession
from sylph_mp.rocketmq.subscription import Filter
from tests.brokers.ports import free_port

pytestmark = pytest.mark.rocketmq

_numbers = itertools.count()


def instance_at(endpoint):
    return Instance(name="default", endpoints=(endpoint,))


def request_of(topic, *bodies, tag="", group=""):
    """An encoded SendMessageRequest; with a message group its messages are of type FIFO."""
    encoder = Encoder("", Limits())
    messages = (Outgoing(topic=topic, payload=body, tag=tag or None, group=group or None) for body in bodies)
    return b"".join(encoder.encode(message, time.time()).part for message in messages)


class Setting:
    """A session on a fresh topic and group, and a way to send to it."""

    def __init__(self, rocketmq, *, fifo=False, queues=1, wanted=None):
        self.topic = rocketmq.topic("FIFO" if fifo else "NORMAL", queues)
        self._broker, self._sent = rocketmq, 0
        instance = instance_at(rocketmq.endpoint)
        self._group = "g" if fifo else ""
        self.session = ConsumerSession(
            instance=instance,
            group=rocketmq.group(fifo=fifo),
            subscriptions={self.topic: wanted or Filter()},
            clock=SystemClock(),
        )
        self._calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())

    async def __aenter__(self):
        self.shape = await self.session.start()
        return self

    async def __aexit__(self, *_):
        await self.session.stop()
        self._calls.close()

    async def send(self, *bodies, tag=""):
        """And wait until one receive brings all of it."""
        for body in bodies if self._group else [bodies]:
            parts = (body,) if self._group else body
            await self._calls.send(request_of(self.topic, *parts, tag=tag, group=self._group))
        self._sent += len(bodies)
        await asyncio.to_thread(self._broker.until_visible, self.topic, self._sent)

    async def receive(self, count=1, *, lease_s=30.0, polls=6):
        """At least `count` deliveries, or what came in so many polls: a new group's first polls may be empty."""
        got = []
        for _ in range(polls):
            got += await self.session.receive(
                self.topic, batch=32, lease_s=lease_s, attempt_id=f"{time.time_ns()}-{next(_numbers)}"
            )
            if len(got) >= count:
                break
        return got

    async def ack(self, deliveries):
        return await self.session.ack(self.topic, [(delivery.id, delivery.handle) for delivery in deliveries])


def test_what_is_sent_is_received_once_and_acked(rocketmq):
    async def run():
        async with Setting(rocketmq) as at:
            await at.send(b"one", b"two", tag="blue")
            deliveries = await at.receive(2)
            assert sorted(delivery.body for delivery in deliveries) == [b"one", b"two"]
            message = deliveries[0].message(attempt=1)
            assert (message.topic, message.tag, message.properties) == (at.topic, "blue", {})
            again = Delivery.parse(deliveries[0].frame)
            assert (again.id, again.handle, again.body) == (
                deliveries[0].id, deliveries[0].handle, deliveries[0].body)  # fmt: skip
            assert [one.error for one in await at.ack([*deliveries, deliveries[0]])] == [None] * 3
            assert await at.receive(polls=1) == []
            assert at.session.health.failing_since is None

    asyncio.run(run())


def test_the_shape_of_a_group_is_what_the_server_says(rocketmq):
    async def run():
        async with Setting(rocketmq) as normal, Setting(rocketmq, fifo=True) as fifo:
            assert (normal.shape.fifo, fifo.shape.fifo) == (False, True)
            assert (normal.shape.max_attempts, normal.shape.batch) == (16, 32)

    asyncio.run(run())


def test_a_filter_keeps_other_tags_away(rocketmq):
    async def run():
        async with Setting(rocketmq, wanted=Filter("blue || green")) as at:
            await at.send(b"1", tag="blue")
            await at.send(b"2", tag="red")
            await at.send(b"3", tag="green")
            assert sorted(delivery.body for delivery in await at.receive(2)) == [b"1", b"3"]

    asyncio.run(run())


def test_a_released_delivery_comes_again_at_once_and_counts(rocketmq):
    async def run():
        async with Setting(rocketmq, fifo=True) as at:
            await at.send(b"x")
            (first,) = await at.receive()
            await at.session.release(at.topic, first.id, first.handle, after_s=0, count_attempt=True)
            (second,) = await at.receive()
            assert (second.id, second.attempt) == (first.id, first.attempt + 1)
            await at.ack([second])

    asyncio.run(run())


def test_a_release_need_not_count(rocketmq):
    async def run():
        async with Setting(rocketmq) as at:
            await at.send(b"x")
            (first,) = await at.receive()
            await at.session.release(at.topic, first.id, first.handle, after_s=0, count_attempt=False)
            (second,) = await at.receive()
            assert (second.id, second.attempt) == (first.id, first.attempt)
            await at.ack([second])

    asyncio.run(run())


def test_a_dead_letter_does_not_come_again(rocketmq):
    async def run():
        async with Setting(rocketmq, fifo=True) as at:
            await at.send(b"bad", b"good")
            deliveries = await at.receive(2)
            bad, good = sorted(deliveries, key=lambda delivery: delivery.offset)
            await at.session.dead_letter(at.topic, bad.id, bad.handle, attempt=1, limit=16)
            await at.ack([good])
            await at.send(b"next")
            assert [delivery.body for delivery in await at.receive()] == [b"next"]

    asyncio.run(run())


def test_a_handle_that_is_no_longer_valid_is_told_as_that(rocketmq):
    stale = "0 1795442899868 10000 1 0 broker-a 0 0 3436"

    async def run():
        async with Setting(rocketmq) as at:
            (settled,) = await at.session.ack(at.topic, [("01", stale)])
            assert isinstance(settled.error, HandleExpiredError)
            with pytest.raises(HandleExpiredError):
                await at.session.renew(at.topic, "01", stale, lease_s=30)

    asyncio.run(run())


@pytest.mark.slow
def test_a_message_held_for_three_renewals_is_neither_delivered_again_nor_lost(rocketmq):
    """Not the first of its batch: a LOCAL proxy hands out broken handles for all but that one."""

    async def run():
        async with Setting(rocketmq) as at:
            await at.send(*(b"%d" % number for number in range(4)))
            deliveries = await at.receive(4, lease_s=10)
            handles = {delivery.id: delivery.handle for delivery in deliveries}
            for _ in range(3):
                await asyncio.sleep(4)
                for id_, handle in handles.items():
                    handles[id_] = await at.session.renew(at.topic, id_, handle, lease_s=10)
            assert await at.receive(polls=1) == [], "held for 17 s, with leases of 10 s"
            *acked, released = handles.items()
            assert all(one.error is None for one in await at.session.ack(at.topic, acked))
            await at.session.release(at.topic, *released, after_s=0, count_attempt=True)
            assert [delivery.id for delivery in await at.receive(2, polls=4)] == [released[0]]

    asyncio.run(run())


def test_150_polls_do_not_delay_an_ack(rocketmq):
    async def run():
        async with Setting(rocketmq) as at:
            polls = [
                asyncio.ensure_future(at.session.receive(at.topic, batch=1, lease_s=30, attempt_id=f"poll-{number}"))
                for number in range(150)
            ]
            await at.send(b"x")
            done, _ = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
            (delivery,) = done.pop().result()
            (settled,) = await at.ack([delivery])
            assert settled.error is None
            assert sum(poll.done() for poll in polls) < 100, "the ack was answered while the polls were outstanding"
            await asyncio.gather(*polls)

    asyncio.run(run())


def test_a_group_that_does_not_exist_is_an_error_with_the_command_that_makes_it(rocketmq):
    async def run():
        group = rocketmq.missing()
        topic = rocketmq.topic()
        session = ConsumerSession(
            instance=instance_at(rocketmq.endpoint), group=group, subscriptions={topic: Filter()}, clock=SystemClock()
        )
        with pytest.raises(SettingsError, match=f"mqadmin updateSubGroup .*-g {group} "):
            await asyncio.wait_for(session.start(), 3)
        await session.stop()

    asyncio.run(run())


def test_a_topic_that_does_not_exist_is_told(rocketmq):
    async def run():
        session = ConsumerSession(
            instance=instance_at(rocketmq.endpoint),
            group=rocketmq.group(),
            subscriptions={rocketmq.missing(): Filter()},
            clock=SystemClock(),
        )
        with pytest.raises(StatusError) as caught:
            await session.start()
        assert caught.value.code == 40402
        await session.stop()

    asyncio.run(run())


def test_a_probe_tells_what_is_there(rocketmq):
    async def run():
        topics = [rocketmq.topic(), rocketmq.missing()]
        groups = [rocketmq.group(), rocketmq.missing()]
        findings = await probe(instance_at(rocketmq.endpoint), topics, groups, SystemClock())
        assert [finding.state for finding in findings.topics] == ["ok", "missing"]
        assert [finding.state for finding in findings.groups] == ["ok", "missing"]
        assert isinstance(findings.topics[1].error, StatusError)
        assert "mqadmin" in str(findings.groups[1].error)

    asyncio.run(run())


def test_a_probe_of_a_broker_that_is_away_says_so():
    with pytest.raises(TransportError, match=r"^connection refused$"):
        asyncio.run(probe(instance_at(f"127.0.0.1:{free_port()}"), ["t"], ["g"], SystemClock()))


async def once_answered(call):
    async with asyncio.timeout(20):
        while True:
            try:
                return await call()
            except BrokerError:
                await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_receives_go_on_within_three_seconds_after_the_proxy_has_returned(own_rocketmq):
    async def run():
        async with Setting(own_rocketmq) as at:
            await at.send(b"before")
            await at.ack(await at.receive())
            await asyncio.to_thread(own_rocketmq.stop_proxy, kill=True)
            with pytest.raises(BrokerError):
                await at.receive()
            assert at.session.health.failing_since is not None
            await asyncio.to_thread(own_rocketmq.start_proxy)
            await once_answered(lambda: at.send(b"after"))
            returned = time.monotonic()  # a cold proxy needs seconds for its first answers, whoever asks
            deliveries = await once_answered(at.receive)
            assert time.monotonic() - returned < 3
            assert deliveries[-1].body == b"after"
            assert at.session.health.failing_since is None

    asyncio.run(run())
