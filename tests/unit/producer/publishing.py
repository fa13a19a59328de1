"""A lane on a made-up session, whose answers the test chooses; time passes only where the test says so."""

import asyncio
from collections import deque

from rocketmq.grpc_protocol import service_pb2

from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.lane import Address, Lane, messages_in
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.producer.pace import Bounds, Pace
from sylph_mp.producer.retries import Rules
from sylph_mp.rocketmq.publishing_session import Stored
from tests.unit.hands import Hands
from tests.unit.turns import turns, turns_until


class FakeSender:
    """Answers each request by the next of `answers`: an error is raised, a future waited for; else it is stored."""

    def __init__(self):
        self.requests = []
        self.answers = deque()
        self.refuses = lambda bodies: None

    async def send(self, request, *, group=""):
        bodies = [message.body for message in service_pb2.SendMessageRequest.FromString(request).messages]
        self.requests.append(bodies)
        answer = self.answers.popleft() if self.answers else self.refuses(bodies)
        if isinstance(answer, asyncio.Future):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return Stored(offset=10 * len(self.requests), transaction_id="")


class LaneAt:
    """A lane, what came out of it, and how to put messages in."""

    def __init__(self, queue, kind, *, in_flight=4, batch_bytes=4 << 20, linger_s=0.0, **rules):
        self.sender = FakeSender()
        self.clock = Hands(1000.0)
        self.receipts = []
        self.settled = 0
        self._encoder = Encoder("", Limits())
        self._kind = kind
        self._bodies = {}
        given = {"retries": 2, "give_up_s": 60.0, "duplicates": False} | rules
        bounds = Bounds(linger_min_s=linger_s, linger_max_s=linger_s, batch_bytes=batch_bytes, in_flight=in_flight)
        self.lane = Lane(
            Address("t", kind),
            open_session=self._open,
            on_settled=self._settle,
            queue=queue,
            pace=Pace(bounds, first_in_flight=in_flight),
            rules=Rules(**given),
            clock=self.clock,
            pause=self._pause,
        )

    def put(self, body, *, group=None):
        outgoing = Outgoing(topic="t", payload=body, group=group)
        encoded = self._encoder.encode(outgoing, self.clock.now)
        self._bodies[encoded.id] = body
        self.lane.put(Bundle.of((encoded,)), lambda answer: self.receipts.extend(answer.receipts((encoded.id,))))

    def put_together(self, *bodies):
        encoded = [self._encoder.encode(Outgoing(topic="t", payload=body), self.clock.now) for body in bodies]
        ids = [one.id for one in encoded]
        self._bodies.update(zip(ids, bodies, strict=True))
        self.lane.put(Bundle.of(encoded), lambda answer: self.receipts.extend(answer.receipts(ids)))

    def outcomes(self):
        """(body, error, unknown) in the order in which the receipts came."""
        return [(self._bodies[one.id], one.error, one.unknown) for one in self.receipts]

    async def until(self, condition):
        await turns_until(condition, self.outcomes)

    async def empty(self):
        await self.until(lambda: self.lane.is_empty)

    async def _pause(self, seconds):
        """Between two tries; longer than what goes on meanwhile."""
        assert seconds > 0
        await turns(20)

    async def _open(self):
        return self.sender

    def _settle(self, unit):
        self.settled += messages_in(unit)
