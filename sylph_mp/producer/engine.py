"""All that sends for the threads of one process: an encoder, a loop thread with a publisher, and the gate before it.

Made at the first message, and again in a child process.
"""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance, Producers
from sylph_mp.errors import SaturatedError
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Encoded, Encoder
from sylph_mp.producer.gate import Gate
from sylph_mp.producer.loop_thread import LoopThread
from sylph_mp.producer.new_encoder import new_encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.producer.outlet import Answer, OnAnswer, Receipt
from sylph_mp.producer.publisher import Publisher
from sylph_mp.producer.results import CHUNK, bundles_of, receipts_of
from sylph_mp.producer.tally import LaneSnapshot
from sylph_mp.rocketmq.publishing_session import OnOrphan


class Collector:
    """Waits for what becomes of many messages; filled on the loop thread."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._missing = len(ids)
        self._answers: list[Answer] = []
        self._lock = threading.Lock()
        self._all = threading.Event()

    def take(self, answer: Answer) -> None:
        with self._lock:  # what has no room is answered in the thread that sends, beside the loop's
            self._answers.append(answer)
            self._missing -= answer.count
            if not self._missing:
                self._all.set()

    def wait(self) -> list[Receipt]:
        """In the order of the ids, once all are there. None stays here: a traceback may hold this object, and be in
        one of them.
        """
        if self._ids:
            self._all.wait()
        answers, self._answers = self._answers, []
        return receipts_of(answers, self._ids)


class Engine:
    def __init__(self, instance: Instance, settings: Producers, *, clock: Clock, on_orphan: OnOrphan | None) -> None:
        self.encoder = new_encoder(instance.namespace)
        self.dropped = 0
        self._settings = settings
        self._clock = clock
        self._gate = Gate(settings.queue, settings.queue_bytes)
        self._loop = LoopThread("sylph-producers")
        self.publisher = self._loop.wait_for(self._new_publisher(instance, on_orphan))

    def send(self, messages: Sequence[Encoded], on_answer: OnAnswer) -> None:
        """Hand messages over as the saturation policy says; each is answered, in whatever thread that comes about.

        Raises SaturatedError when there is no room and the policy is not to wait, or not longer; then every message
        that was not handed over yet has an answer that says so.
        """
        for start in range(0, len(messages), CHUNK):
            chunk = messages[start : start + CHUNK] if len(messages) > CHUNK else messages
            bundles = bundles_of(chunk, start)
            if self._gate.enter(len(chunk), sum([bundle.size for bundle in bundles])):
                self._loop.post(partial(self._submit, bundles, on_answer))
                continue
            for place, message in enumerate(chunk, start):
                try:
                    self._send_one(message, place, on_answer)
                except SaturatedError as full:
                    # Not `full` itself: its traceback holds the frames of this call, and through them these answers.
                    on_answer(Answer(place, len(messages) - place, SaturatedError(str(full))))
                    raise

    def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None:
        self._loop.wait_for(self.publisher.end_transaction(topic, half, commit=commit))

    def snapshot(self) -> list[LaneSnapshot]:
        async def taken() -> list[LaneSnapshot]:
            return self.publisher.snapshot()

        return self._loop.wait_for(taken())

    def flush(self, wait_s: float) -> bool:
        """Wait until nothing is under way; False if that takes longer."""
        return self._gate.wait_until_empty(wait_s)

    def close(self, deadline: Deadline) -> None:
        self._loop.wait_for(self.publisher.close(deadline))
        self._loop.stop()

    async def _new_publisher(self, instance: Instance, on_orphan: OnOrphan | None) -> Publisher:
        return Publisher(
            instance,
            self._settings,
            clock=self._clock,
            on_orphan=on_orphan,
            on_limits=self._set_limits,
            on_settled=self._gate.leave,
        )

    def _set_limits(self, limits: Limits) -> None:
        self.encoder.limits = limits

    def _send_one(self, message: Encoded, place: int, on_answer: OnAnswer) -> None:
        size = len(message.part)
        policy = self._settings.saturation
        if policy == "drop_oldest":
            self._loop.post(lambda: self.publisher.drop_oldest(message.topic, message.kind))
        waits = policy in {"block", "drop_oldest"} and not self._loop.is_current
        if self._gate.enter(1, size, wait_s=self._settings.block_s if waits else 0.0):
            self._loop.post(partial(self._submit, (Bundle.of((message,), place),), on_answer))
        elif policy == "drop_newest":
            self.dropped += 1
            on_answer(Answer(place, 1, SaturatedError("dropped: the queue was full")))
        elif policy == "caller_runs":
            on_answer(self._loop.wait_for(self.publisher.send_now(message, place)))
        else:
            messages, size = self._gate.within
            raise SaturatedError(f"queue is full: {messages:,} messages of {size:,} bytes are not sent yet")

    def _submit(self, bundles: Sequence[Bundle], on_answer: OnAnswer) -> None:
        for bundle in bundles:
            if not self.publisher.submit_bundle(bundle, on_answer):
                self._gate.leave(bundle.count, bundle.size)
                on_answer(Answer(bundle.first, bundle.count, SaturatedError("the producers are closed")))


class Sends(Protocol):
    """What `Producers` needs of an engine; a test kit brings its own."""

    @property
    def encoder(self) -> Encoder: ...
    def send(self, messages: Sequence[Encoded], on_answer: OnAnswer) -> None: ...
    def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None: ...
    def snapshot(self) -> list[LaneSnapshot]: ...
    def flush(self, wait_s: float) -> bool: ...
    def close(self, deadline: Deadline) -> None: ...
