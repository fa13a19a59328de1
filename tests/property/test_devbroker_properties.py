"""Whatever consumers do: nothing is lost, nothing acked comes again, and a FIFO group sees its queue in order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.devbroker.conftest import LEASE_MS, Bench


class Consuming(RuleBasedStateMachine):
    """Sends, receives, acks, changes and lets time pass, in any order; then consumes to the end."""

    @initialize(fifo=st.booleans(), queues=st.integers(1, 3))
    def begin(self, fifo, queues):
        self.fifo = fifo
        self.here = Bench(fifo=fifo, queues=queues, max_attempts=10_000)
        self.sent: set[str] = set()
        self.acked: set[str] = set()
        self.held = {}

    @rule(count=st.integers(1, 5))
    def send(self, count):
        for _ in range(count):
            body = str(len(self.sent))
            self.sent.add(body)
            self.here.send(body)

    @rule(batch=st.integers(1, 4))
    def receive(self, batch):
        deliveries = self.here.pop(batch)
        bodies = [body_of(delivery) for delivery in deliveries]
        if not self.fifo:
            assert not set(bodies) & self.acked, "acked, and there again"
            assert not set(bodies) & set(self.held), "in two hands at once"
        for queue in {delivery.entry.queue for delivery in deliveries}:
            offsets = [delivery.entry.offset for delivery in deliveries if delivery.entry.queue == queue]
            if self.fifo:
                assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
        self.held.update({body_of(delivery): (delivery, self.here.now_ms) for delivery in deliveries})

    @rule(data=st.data())
    def ack(self, data):
        if self.held:
            body = data.draw(st.sampled_from(sorted(self.held)))
            delivery, _ = self.held.pop(body)
            self.here.ack(delivery)
            self.acked.add(body)

    @rule(data=st.data(), invisible_ms=st.integers(0, 20_000))
    def give_back(self, data, invisible_ms):
        if self.held:
            delivery, _ = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
            self.here.change(delivery, invisible_ms)

    @rule(milliseconds=st.integers(0, 40_000))
    def wait(self, milliseconds):
        self.here.pass_ms(milliseconds)
        self.held = {
            body: (delivery, since)
            for body, (delivery, since) in self.held.items()
            if since + LEASE_MS > self.here.now_ms
        }

    @invariant()
    def memory_is_what_was_sent(self):
        if hasattr(self, "here"):
            assert self.here.broker.memory.used > 0 or not self.sent

    def teardown(self):
        if not hasattr(self, "here"):
            return
        got: set[str] = set()
        self.here.pass_ms(2 * LEASE_MS)
        while deliveries := self.here.pop():
            got |= {body_of(delivery) for delivery in deliveries}
            self.here.ack(*deliveries)
        assert got | self.acked == self.sent
        if not self.fifo:
            assert not got & self.acked


def body_of(delivery):
    return delivery.entry.record.body.decode()


TestConsuming = Consuming.TestCase
TestConsuming.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
